"""What the command line asks for."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from dotenv import dotenv_values

from immich_drop import logs
from immich_drop.app import App
from immich_drop.errors import Unavailable
from immich_drop.settings import Settings, SettingsError
from immich_drop.standin import StandIn

WRONG = 2
"""Exit code for what only the host can mend."""

DEMO = Path("demo")


def main(arguments: Sequence[str]) -> int:
    """Serve, or do what the arguments say; gives the exit code."""
    parser = argparse.ArgumentParser(prog="server.py", description="Immich Drop")
    parser.add_argument("--demo", action="store_true", help="serve with a stand-in for Immich")
    parser.add_argument("--check", action="store_true", help="test settings, key, album and disk")
    chosen = parser.parse_args(arguments)
    env: dict[str, str | None] = {**dotenv_values(".env"), **os.environ}
    try:
        if chosen.demo:
            return asyncio.run(_demo(env))
        settings = Settings.from_env(env)
        return asyncio.run(_serve(settings))
    except SettingsError as mistakes:
        print(f"Please correct .env (or the environment):\n{mistakes}", file=sys.stderr)
    except (Unavailable, OSError) as error:
        print(f"Immich Drop cannot start: {error}", file=sys.stderr)
    return WRONG


async def _serve(settings: Settings) -> int:
    logs.configure(level=settings.log_level, style=settings.log_format)
    stopping = _listen_for_signals()
    app = App(settings)
    print(f"Immich Drop is open at {await app.start()}", flush=True)
    await stopping.wait()
    await app.stop()
    return 0


async def _demo(env: Mapping[str, str | None]) -> int:
    """Serve with a stand-in for Immich, which keeps what it gets in a folder."""
    async with AsyncExitStack() as stack:
        standin = StandIn(DEMO / "library")
        base_url = await standin.start()
        stack.push_async_callback(standin.stop)
        print(f"What arrives is kept in {DEMO / 'library'}", flush=True)
        own = {
            "DROP_TITLE": "Anna & Tom's wedding",
            "DROP_MESSAGE": "Please drop your photos and videos here!",
            "IMMICH_ALBUM_NAME": "Wedding",
        }
        # Never the real database: what waits there is meant for the real Immich.
        fixed = {
            "IMMICH_BASE_URL": base_url,
            "IMMICH_API_KEY": standin.key,
            "STATE_DB": str(DEMO / "state.db"),
            "SPOOL_DIR": str(DEMO / "spool"),
        }
        return await _serve(Settings.from_env(own | dict(env) | fixed))


def _listen_for_signals() -> asyncio.Event:
    """Set the event at the first SIGTERM or SIGINT; end at once at the second."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(1)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopping
