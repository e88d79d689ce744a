"""The guests: sends files according to a plan, in its own process.

`python -m bench.load` reads a plan as JSON from standard input and prints its figures as JSON. The
checksums, which a phone would compute beforehand, are computed before the clock starts.
"""

import base64
import hashlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal
from urllib.parse import urlsplit

from bench.wire import Connection, Refused, Source

CHUNK = 8 * 1024 * 1024
"""Bytes of one PATCH in the form `chunks`."""

STRIDE = 40_009
"""Bytes between the starts of two files' windows into the source: no two files are the same."""

Form = Literal["put", "patch", "chunks", "creation"]
"""In this order: one PUT; a POST and one PATCH; a POST and PATCHes of CHUNK bytes; all bytes in
the POST."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is sent to which server, and how."""

    port: int
    path: str
    """Where uploads are created."""
    source: str
    files: int
    size: int
    parallel: int
    form: Form
    checksum: bool = False
    """Send the file's SHA-1, or in the form `chunks` that of each chunk."""
    ending: str = "jpg"
    session: str = ""
    """The guest's session; empty: none is sent."""


class Guest:
    """Sends files, one after the other, on one connection."""

    def __init__(self, plan: Plan, source: Source, known: dict[tuple[int, int], str]) -> None:
        self._plan = plan
        self._source = source
        self._known = known
        self._connection = Connection(("127.0.0.1", plan.port))

    def send(self, number: int) -> None:
        """Send one file. Raises Refused."""
        if self._plan.form == "put":
            window = (self._source, number * STRIDE, self._plan.size)
            self._connection.send("PUT", f"{self._plan.path}{self._name(number)}", {}, window)
        elif self._plan.form == "creation":
            window = (self._source, number * STRIDE, self._plan.size)
            headers = self._creation(number)
            headers["Content-Type"] = "application/offset+octet-stream"
            self._connection.send("POST", self._plan.path, headers, window)
        else:
            self._patch(number)

    @property
    def socket(self) -> socket.socket:
        """The socket, for a caller that sends the body at its own pace."""
        return self._connection.socket

    def begin(self, number: int) -> None:
        """Send the request for a file without its body; the caller writes the body to `socket`,
        then calls `end`."""
        if self._plan.form == "put":
            path, headers = f"{self._plan.path}{self._name(number)}", {}
        else:
            path, headers = self._create(number), self._chunk(number, 0)
        headers["Content-Length"] = str(self._plan.size)
        method = "PUT" if self._plan.form == "put" else "PATCH"
        self.socket.sendall(self._connection.head(method, path, headers))

    def end(self) -> None:
        """Wait for the answer. Raises Refused."""
        self._connection.answer()

    def _patch(self, number: int) -> None:
        path = self._create(number)
        for offset, count in chunks(self._plan):
            window = (self._source, number * STRIDE + offset, count)
            self._connection.send("PATCH", path, self._chunk(number, offset), window)

    def _create(self, number: int) -> str:
        headers = self._creation(number) | {"Content-Length": "0"}
        created = self._connection.ask("POST", self._plan.path, headers)
        return urlsplit(created.headers["location"]).path

    def _chunk(self, number: int, offset: int) -> dict[str, str]:
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
        }
        if digest := self._known.get((number, offset)):
            headers["Upload-Checksum"] = f"sha1 {digest}"
        return headers

    def _creation(self, number: int) -> dict[str, str]:
        values = {"filename": self._name(number)}
        if digest := self._known.get((number, -1)):
            values["sha1"] = digest
        if self._plan.session:
            values |= {"session": self._plan.session, "item": str(number)}
        pairs = (f"{key} {base64.b64encode(v.encode()).decode()}" for key, v in values.items())
        return {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(self._plan.size),
            "Upload-Metadata": ",".join(pairs),
        }

    def _name(self, number: int) -> str:
        return f"{number}.{self._plan.ending}"


def chunks(plan: Plan) -> Iterator[tuple[int, int]]:
    """Return offset and size of every PATCH of a file."""
    size = CHUNK if plan.form == "chunks" else plan.size
    for offset in range(0, plan.size, size):
        yield offset, min(size, plan.size - offset)


def checksums(plan: Plan, source: Source) -> dict[tuple[int, int], str]:
    """Compute the checksums to send, by file and offset of the chunk (-1: the whole file)."""
    known: dict[tuple[int, int], str] = {}
    for number in range(plan.files if plan.checksum else 0):
        windows = chunks(plan) if plan.form == "chunks" else [(-1, plan.size)]
        for offset, count in windows:
            sha1 = hashlib.sha1(usedforsecurity=False)
            for piece in source.read(number * STRIDE + max(0, offset), count):
                sha1.update(piece)
            known[number, offset] = (
                sha1.hexdigest() if offset < 0 else base64.b64encode(sha1.digest()).decode()
            )
    return known


def send_all(plan: Plan) -> dict[str, float]:
    """Send all files; return `seconds`, from the first connection to the last answer.

    Raises Refused.
    """
    source = Source(Path(plan.source))
    known = checksums(plan, source)
    numbers: SimpleQueue[int] = SimpleQueue()
    for number in range(plan.files):
        numbers.put(number)
    troubles: list[Exception] = []

    def work() -> None:
        try:
            guest = Guest(plan, source, known)
            for number in drain(numbers):
                guest.send(number)
        except (OSError, Refused) as trouble:
            troubles.append(trouble)

    start = time.perf_counter()
    side_by_side(plan.parallel, work)
    seconds = time.perf_counter() - start
    if troubles:
        raise Refused(str(troubles[0]))
    return {"seconds": seconds, "ended": time.time()}


def drain(numbers: "SimpleQueue[int]") -> Iterator[int]:
    """Yield the queued numbers until the queue is empty."""
    while True:
        try:
            yield numbers.get_nowait()
        except Empty:
            return


def side_by_side(count: int, work: Callable[[], None]) -> None:
    """Run `work` in `count` threads, and wait for all."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def to_json(plan: Plan) -> str:
    """Return a plan as JSON."""
    return json.dumps(asdict(plan))


def main() -> None:
    """Carry out the plan on standard input."""
    given: dict[str, Any] = json.load(sys.stdin)
    try:
        print(json.dumps(send_all(Plan(**given))))
    except Refused as trouble:
        sys.exit(f"refused: {trouble}")


if __name__ == "__main__":
    main()
