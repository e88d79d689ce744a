"""Server processes: starts them, waits for them, measures and ends them."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")

STARTING = 30.0
"""The most seconds a server may take until it listens."""

STOPPING = 20.0
"""Seconds a server has to end when asked to; then it is killed."""


class NotReady(Exception):
    """A server did not start to listen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What a process and its descendants have used."""

    cpu: float
    """Seconds, user and system."""
    rss: float
    """MB: the sum of the peak memory of each."""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Return once a server accepts connections. Raises NotReady."""
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        if process.poll() is not None:
            raise NotReady(f"ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise NotReady(f"does not listen after {STARTING:.0f} s")


@contextmanager
def started(
    command: Sequence[str], *, port: int, log: Path, env: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server inside the block, with its output in `log`. Raises NotReady with its last
    lines."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **env}
        )
    try:
        wait_until_listening(port, process)
        yield process
    except NotReady as trouble:
        raise NotReady(f"{trouble}: {log.read_text(errors='replace')[-300:].strip()}") from None
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask a server to end; kill it if it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOPPING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def weigh(pid: int) -> Weight:
    """Add up the use of a process and its descendants, including ended ones (proc(5))."""
    cpu = rss = 0.0
    for member in family(pid):
        try:
            stat = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{member}/status").read_text()
        except OSError:
            continue
        cpu += sum(map(int, stat[11:15])) / TICK
        # A process that has ended but was not waited for has no such line.
        rss += sum(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1000
    return Weight(cpu=cpu, rss=rss)


def family(pid: int) -> Iterator[int]:
    """Return a process and its descendants."""
    yield pid
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # a thread that is gone by now
            for child in listing.read_text().split():
                yield from family(int(child))
