"""Workloads of the delivering half: files go from the spool to Immich."""

import asyncio
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tornado.websocket import websocket_connect

from bench.contestants import ours, running
from bench.load import STRIDE, Form, Plan
from bench.meter import Figures, Meter
from bench.probe import Probe
from bench.process import free_port, started
from bench.receiving import Batch, Failed, send
from bench.wire import Connection, Source

PARALLEL = 3
"""Deliveries at a time: the default of MAX_CONCURRENT."""

SESSION = "bench-bench-bench-bench"
LONGEST = 300.0
"""The most seconds a run may take."""


def forward(
    batch: Batch, service: float, folder: Path, source: Path, *, asked: bool = False
) -> Figures:
    """Fill our spool, then deliver it to an Immich that answers after `service` seconds.

    Whoever is `asked` for the p99 meanwhile has less time to send than `sendfile`, which nobody
    asks.
    """
    with running(ours(), folder) as server:
        send(_plan(batch, server.port, source, "patch"))
    with _taker(service, folder) as port:
        env = {"IMMICH_BASE_URL": f"http://127.0.0.1:{port}/api"}
        with running(ours(), folder, env) as server:
            probe = Probe(server.port, "/healthz") if asked else None
            with probe or nullcontext(), Meter(server.pid) as meter:
                seconds = _wait(port, batch.files)
    return Figures(
        seconds=seconds,
        size=batch.total,
        files=batch.files,
        cpu=meter.cpu,
        rss=meter.rss,
        p99=probe.p99 if probe else None,
        noise=meter.noise,
    )


def send_only(batch: Batch, service: float, folder: Path, source: Path) -> Figures:
    """Send the same files from a folder, with http.client and sendfile."""
    write_files(batch, folder, source)
    with _taker(service, folder) as port:
        command = [sys.executable, "-m", "bench.sender", str(port), str(PARALLEL), str(folder)]
        before = _children()
        subprocess.run(command, check=True, timeout=LONGEST)
        cpu = _children() - before
        seconds = _wait(port, batch.files)
    return Figures(seconds=seconds, size=batch.total, files=batch.files, cpu=cpu)


def whole_way(batch: Batch, form: Form, folder: Path, source: Path) -> Figures:
    """Receive files and deliver them; measures from the last "received" to "in Immich"."""
    with standin(folder) as (url, key):
        env = {"IMMICH_BASE_URL": url, "IMMICH_API_KEY": key}
        with running(ours(), folder, env) as server, Meter(server.pid) as meter:
            sent = send(_plan(batch, server.port, source, form))
            stored = asyncio.run(_until_stored(server.port, batch.files))
    return Figures(
        seconds=stored - sent["ended"],
        size=batch.total,
        files=batch.files,
        cpu=meter.cpu,
        rss=meter.rss,
        noise=meter.noise,
        more={"whole way s": stored - sent["ended"] + sent["seconds"]},
    )


def curl(batch: Batch, folder: Path, source: Path) -> Figures:
    """Upload the same files to the stand-in with curl, as many at a time as we deliver."""
    files = folder.with_suffix(".files")
    write_files(batch, files, source)
    try:
        with standin(folder) as (url, key):
            command = ["curl", "--parallel", "--parallel-max", str(PARALLEL)]
            for path in sorted(files.iterdir()):
                command += _curl_form(path, url, key)
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, timeout=LONGEST)
            seconds = time.perf_counter() - start
    finally:
        shutil.rmtree(files)
    return Figures(seconds=seconds, size=batch.total, files=batch.files)


def _curl_form(path: Path, url: str, key: str) -> list[str]:
    stamp = "2026-01-01T00:00:00.000Z"
    fields = {"deviceAssetId": path.name, "deviceId": "bench", "assetData": f"@{path}"}
    fields |= {"fileCreatedAt": stamp, "fileModifiedAt": stamp}
    form = [f"-F{name}={value}" for name, value in fields.items()]
    key_header = ["-H", f"x-api-key: {key}"]
    return ["--next", "--fail", *key_header, *form, "-o", "/dev/null", f"{url}/assets"]


def write_files(batch: Batch, folder: Path, source: Path) -> None:
    """Write the files of a batch into a folder."""
    folder.mkdir()
    window = Source(source)
    for number in range(batch.files):
        with (folder / f"{number:05}.{batch.ending}").open("wb") as file:
            for piece in window.read(number * STRIDE, batch.size):
                file.write(piece)


@contextmanager
def standin(folder: Path) -> Iterator[tuple[str, str]]:
    """Run the stand-in; yield its address and key."""
    library = folder.with_suffix(".library")
    command = [sys.executable, "-m", "immich_drop.standin", "--folder", str(library)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield ready["url"], ready["key"]
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(library, ignore_errors=True)


def _plan(batch: Batch, port: int, source: Path, form: Form) -> Plan:
    return Plan(
        port=port,
        path="/files/",
        source=str(source),
        files=batch.files,
        size=batch.size,
        parallel=batch.parallel,
        form=form,
        ending=batch.ending,
        session=SESSION,
    )


@contextmanager
def _taker(service: float, folder: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "bench.taker", str(port), str(service)]
    with started(command, port=port, log=folder.with_suffix(".taker.log"), env={}):
        yield port


def _wait(port: int, files: int) -> float:
    """Wait until the taker has every file; return the seconds from the first to the last.

    It is asked once, as every question would take a core away from those that are measured.
    """
    try:
        return float(Connection(("127.0.0.1", port)).ask("GET", f"/came/{files}").body)
    except OSError as error:
        raise Failed(f"not everything arrived: {error}") from error


async def _until_stored(port: int, files: int) -> float:
    """Watch as the page does; return the time when every file was in Immich."""
    socket = await websocket_connect(f"ws://127.0.0.1:{port}/ws")
    await socket.write_message(json.dumps({"session": SESSION}))
    stored: set[str] = set()
    while len(stored) < files:
        text = await asyncio.wait_for(socket.read_message(), LONGEST)
        if text is None:
            raise Failed("the WebSocket was closed")
        event = json.loads(text)
        uploads = event["uploads"] if event["type"] == "snapshot" else [event["upload"]]
        stored |= {upload["id"] for upload in uploads if upload["state"] == "stored"}
    return time.time()


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
