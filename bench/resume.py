"""Measures how soon a phone that comes back after a crash can go on."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from bench.contestants import ours, running
from bench.load import CHUNK
from bench.meter import Figures, Meter
from bench.probe import Probe
from bench.receiving import Failed
from bench.wire import Connection, Source

TUS = {"Tus-Resumable": "1.0.0"}
SETTLING = 10.0
"""Seconds within which the bytes sent have to be on disk."""


def resume(size: int, folder: Path, source: Path) -> Figures:
    """Kill the server when it has half of a file, start it again, send the rest."""
    half, window = size // 2, Source(source)
    with running(ours(), folder) as server:
        path = _break_off(Connection(("127.0.0.1", server.port)), size, window, folder)
        os.kill(server.pid, signal.SIGKILL)
    start = time.perf_counter()
    with running(ours(), folder) as server:
        up = time.perf_counter() - start
        connection, probe = Connection(("127.0.0.1", server.port)), Probe(server.port, "/healthz")
        with probe, Meter(server.pid) as meter:
            head = _timed(lambda: connection.ask("HEAD", path, TUS))
            first = _timed(lambda: _patch(connection, path, (window, half, CHUNK)))
            middle = half + CHUNK
            rest = _timed(lambda: _patch(connection, path, (window, middle, size - middle)))
    return Figures(
        seconds=head + first + rest,
        size=size - half,
        cpu=meter.cpu,
        rss=meter.rss,
        p99=probe.p99,
        noise=meter.noise,
        more={"listens again ms": up * 1000, "HEAD ms": head * 1000, "PATCH ms": first * 1000},
    )


def _break_off(connection: Connection, size: int, window: Source, folder: Path) -> str:
    """Create an upload and send half of its file; return its path once that is on disk."""
    headers = {"Upload-Length": str(size), "Upload-Metadata": "filename YS5tcDQ="}
    created = connection.ask("POST", "/files/", TUS | headers | {"Content-Length": "0"})
    path = urlsplit(created.headers["location"]).path
    headers = _offset(0) | {"Content-Length": str(size)}
    connection.socket.sendall(connection.head("PATCH", path, headers))
    window.send(connection.socket, 0, size // 2)
    file = folder / "spool" / path.rpartition("/")[2]
    until = time.monotonic() + SETTLING
    while file.stat().st_size < size // 2:
        if time.monotonic() > until:
            raise Failed(f"{file.stat().st_size} bytes on disk of {size // 2}")
        time.sleep(0.05)
    return path


def _patch(connection: Connection, path: str, window: tuple[Source, int, int]) -> None:
    connection.send("PATCH", path, _offset(window[1]), window)


def _offset(offset: int) -> dict[str, str]:
    content = {"Content-Type": "application/offset+octet-stream"}
    return TUS | content | {"Upload-Offset": str(offset)}


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
