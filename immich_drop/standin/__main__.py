"""Run a stand-in Immich: `python -m immich_drop.standin --folder F`.

Prints one JSON line, {"url", "control", "key"}, when it is ready; stops on SIGTERM.
"""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from immich_drop.standin.control import start_control
from immich_drop.standin.server import StandIn
from immich_drop.standin.wire import Version, Wire


def version(text: str) -> Version:
    """Parse a version such as `2.7.5`."""
    major, minor, patch = (int(part) for part in text.split("."))
    return major, minor, patch


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m immich_drop.standin")
    parser.add_argument("--folder", type=Path, required=True, help="where the files are kept")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--version", type=version, default=(2, 7, 5))
    parser.add_argument("--wire", type=lambda name: Wire[name], help="V2, PRE3 or V3")
    parser.add_argument("--key", default="stand-in-key")
    parser.add_argument("--permission", action="append", help="of the key, default: all")
    parser.add_argument("--service-time", type=float, default=0.0, help="seconds per upload")
    parser.add_argument("--seed", type=int, default=0, help="of faults with a probability")
    return parser.parse_args()


async def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    given = arguments()
    standin = StandIn(
        given.folder,
        version=given.version,
        wire=given.wire,
        key=given.key,
        permissions=given.permission or ["all"],
        service_time=given.service_time,
        seed=given.seed,
    )
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    url = await standin.start(given.port)
    control_server, control = start_control(standin, given.control_port)
    ready = {"url": url, "control": control, "key": standin.key}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    await over.wait()
    control_server.stop()
    await control_server.close_all_connections()
    await standin.stop()


if __name__ == "__main__":
    asyncio.run(main())
