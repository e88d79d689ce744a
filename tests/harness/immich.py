"""The stand-in of Immich in a process of its own: what it got, and how it misbehaves."""

import hashlib
import http.client
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from harness.process import Process
from harness.wait import until

KEY = "the-key-of-the-tests"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Asset:
    """One photo or video as Immich has it."""

    name: str
    sha1: str
    size: int
    created_at: str
    id: str


class Immich:
    """A running stand-in which keeps what it gets in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = Process(
            [sys.executable, "-m", "immich_drop.standin", "--port", "0", "--key", KEY, str(folder)],
            env={"PATH": "", "LANG": "C.UTF-8"},
            cwd=ROOT,
        )
        self.address = self.process.address()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()

    @property
    def settings(self) -> dict[str, str]:
        """What a product needs to know of it."""
        host, port = self.address
        return {"IMMICH_BASE_URL": f"http://{host}:{port}/api", "IMMICH_API_KEY": KEY}

    def all(self) -> list[Asset]:
        """Return every asset, in the order of arrival."""
        lines = (self.folder / "listing.tsv").read_text("utf-8").splitlines()[1:]
        return [Asset(n, sha1, int(size), at, id_) for n, sha1, size, at, id_ in map(_cells, lines)]

    def assets(self, data: bytes) -> list[Asset]:
        """Return the assets with exactly these bytes."""
        sha1 = hashlib.sha1(data).hexdigest()
        return [asset for asset in self.all() if asset.sha1 == sha1]

    def wait_for(self, data: bytes, *, or_else: bytes | None = None) -> Asset:
        """Return the only asset with these bytes (or the other ones), as soon as it is there."""
        wanted = [data] if or_else is None else [data, or_else]
        found = until(
            lambda: [asset for each in wanted for asset in self.assets(each)],
            f"{len(data)} bytes in Immich",
        )
        assert len(found) == 1, found
        return found[0]

    def under_way(self) -> bool:
        """Tell whether bytes of an asset are coming in."""
        return any((self.folder / ".incoming").iterdir())

    @contextmanager
    def fault(self, kind: str, **options: Any) -> Iterator[None]:
        """Misbehave in this way until the block ends (see `standin.faults`)."""
        self._control("POST", "/faults", {"kind": kind, **options})
        try:
            yield
        finally:
            self._control("DELETE", "/faults")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Answer nothing until the block ends."""
        with self.fault("hang_body", match=".*", times=None):
            yield

    def _control(self, method: str, path: str, body: object = None) -> None:
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request(method, "/control" + path, json.dumps(body))
            answer = connection.getresponse()
            assert answer.status < 300, answer.read()
        finally:
            connection.close()


def _cells(line: str) -> list[str]:
    return line.split("\t")
