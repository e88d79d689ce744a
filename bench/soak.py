"""`python -m bench.soak`: many small uploads, all the way into the stand-in; does anything grow?

Every guest brings ten files, cuts one of them short and comes back for it. At each mark the memory,
open files, threads, rows and spool files of the drop are written down; the table is the curve.
"""

import argparse
import secrets
import sqlite3
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

from bench.contestants import Running, drop, running
from bench.forwarding import standin

SIZE = 4096
FILES = 10
"""Files of one guest."""
GUESTS = 4
"""Guests at a time."""
MARKS = 10
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


def main() -> None:
    """Bring so many uploads and print the curve."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--uploads", type=int, default=10_000)
    wanted = parser.parse_args().uploads
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with standin(place / "immich") as (url, key):
            env = {"IMMICH_BASE_URL": url, "IMMICH_API_KEY": key}
            with running(drop(), place / "drop", env=env) as product:
                soak(product, place / "drop", wanted)


def soak(product: Running, folder: Path, wanted: int) -> None:
    """Bring uploads in tenths, each time until all are in Immich."""
    print(
        f"{'uploads':>9} {'MB':>7} {'files open':>11} {'threads':>8} {'rows':>7} {'spool':>6} {'/s':>6}"
    )
    for mark in range(1, MARKS + 1):
        began = time.monotonic()
        guests = wanted // MARKS // FILES
        with ThreadPoolExecutor(GUESTS) as pool:
            list(pool.map(lambda _: visit(product.port), range(guests)))
        settle(folder, mark * guests * FILES)
        rate = guests * FILES / (time.monotonic() - began)
        print(f"{mark * guests * FILES:9} {look(product.pid, folder)} {rate:6.0f}", flush=True)


def visit(port: int) -> None:
    """Be one guest: nine files in one request each, and one that is cut and goes on."""
    session = secrets.token_urlsafe(16)
    guest = HTTPConnection("127.0.0.1", port)
    for item in range(FILES - 1):
        create(guest, session, item, secrets.token_bytes(SIZE))
    data = secrets.token_bytes(SIZE)
    location = create(guest, session, FILES, b"", length=SIZE)
    phone = HTTPConnection("127.0.0.1", port)
    phone.putrequest("PATCH", location)
    for name, value in {**TUS, "Upload-Offset": "0", "Content-Length": str(SIZE)}.items():
        phone.putheader(name, value)
    phone.endheaders(data[: SIZE // 2])
    phone.close()
    offset = SIZE
    while offset > SIZE // 2:
        guest.request("HEAD", location, headers=TUS)
        answer = guest.getresponse()
        answer.read()
        offset = int(answer.headers["Upload-Offset"])
    guest.request("PATCH", location, data[offset:], {**TUS, "Upload-Offset": str(offset)})
    expect(guest, 204)
    guest.close()


def create(guest: HTTPConnection, session: str, item: int, data: bytes, length: int = SIZE) -> str:
    """Make an upload, with its bytes; gives its path."""
    said = {"filename": f"{item}.jpg", "session": session, "item": str(item)}
    metadata = ",".join(
        f"{key} {b64encode(value.encode()).decode()}" for key, value in said.items()
    )
    headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": metadata}
    guest.request("POST", "/files/", data, headers)
    return "/" + expect(guest, 201).split("/", 3)[3]


def expect(guest: HTTPConnection, status: int) -> str:
    """Read an answer; gives its Location."""
    answer = guest.getresponse()
    answer.read()
    if answer.status != status:
        raise SystemExit(f"{answer.status} where {status} was due")
    return answer.headers.get("Location", "///")


def settle(folder: Path, count: int) -> None:
    """Wait until so many are in Immich."""
    while query(folder, "SELECT count(*) FROM uploads WHERE state = 'stored'") < count:
        time.sleep(0.1)


def look(pid: int, folder: Path) -> str:
    """Weigh the drop."""
    status = dict(fields(pid))
    memory = int(status["VmRSS"].split()[0]) / 1000
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    rows = query(folder, "SELECT count(*) FROM uploads")
    spool = len(list((folder / "spool").iterdir()))
    return f"{memory:7.1f} {files:11} {int(status['Threads']):8} {rows:7} {spool:6}"


def fields(pid: int) -> Iterator[tuple[str, str]]:
    """Read what the kernel says of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        yield key, value.strip()


def query(folder: Path, text: str) -> int:
    """Ask the database beside the drop."""
    connection = sqlite3.connect(folder / "state.db")
    try:
        return int(connection.execute(text).fetchone()[0])
    finally:
        connection.close()


if __name__ == "__main__":
    main()
