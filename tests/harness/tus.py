"""The tus requests of the tests: one connection each, nothing hidden, nothing retried."""

import base64
import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from harness.wire import Address, Connection, Response

VERSION = {"Tus-Resumable": "1.0.0"}
OCTETS = "application/offset+octet-stream"


def metadata(**values: str | bytes | int | None) -> str:
    """Return an Upload-Metadata value; None is a key without a value."""

    def pair(key: str, value: str | bytes | int | None) -> str:
        if value is None:
            return key
        raw = value if isinstance(value, bytes) else str(value).encode()
        return f"{key} {base64.b64encode(raw).decode()}"

    return ",".join(pair(key, value) for key, value in values.items())


def sha1(data: bytes) -> str:
    """Return the value of an Upload-Checksum header for these bytes."""
    return "sha1 " + base64.b64encode(hashlib.sha1(data).digest()).decode()


def path_of(location: str) -> str:
    """Return the target of the request line for an upload URL."""
    return urlsplit(location).path


def patch_headers(offset: int, **more: str) -> dict[str, str]:
    return {**VERSION, "Upload-Offset": str(offset), "Content-Type": OCTETS, **more}


class Tus:
    """A tus server at `address`."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def connect(self) -> Connection:
        return Connection(self.address)

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] = VERSION, body: bytes = b""
    ) -> Response:
        with self.connect() as connection:
            return connection.ask(method, target, headers, body)

    def post(
        self,
        length: int | str | None,
        meta: str | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Ask for a creation; `meta` is a raw Upload-Metadata value."""
        size = {} if length is None else {"Upload-Length": str(length)}
        name = {"Upload-Metadata": metadata(filename="photo.jpg") if meta is None else meta}
        content = {"Content-Type": OCTETS} if body else {}
        return self.ask("POST", "/files/", VERSION | size | name | content | (headers or {}), body)

    def create(self, length: int | None, **values: str | bytes | int | None) -> str:
        """Create an upload that must succeed and return the path of its URL."""
        deferred = {"Upload-Defer-Length": "1"} if length is None else {}
        meta = metadata(**{"filename": "photo.jpg", **values})
        answer = self.post(length, meta, headers=deferred)
        assert answer.status == 201, answer
        return path_of(answer["Location"])

    def head(self, url: str) -> Response:
        return self.ask("HEAD", url)

    def offset(self, url: str) -> int:
        """Return the offset of an upload, which must exist."""
        answer = self.head(url)
        assert answer.status == 200, answer
        return int(answer["Upload-Offset"])

    def patch(self, url: str, offset: int, body: bytes, **headers: str) -> Response:
        return self.ask("PATCH", url, patch_headers(offset, **headers), body)

    def delete(self, url: str) -> Response:
        return self.ask("DELETE", url)

    def upload(self, data: bytes, **values: str | bytes | int | None) -> str:
        """Upload a whole file, which must succeed, and return the path of its URL."""
        url = self.create(len(data), **values)
        answer = self.patch(url, 0, data)
        assert answer.status == 204, answer
        return url
