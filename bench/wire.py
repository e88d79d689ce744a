"""A minimal HTTP client for the load generators: prepared heads, and bodies sent by sendfile."""

import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 120
"""Seconds without progress after which a run has failed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


class Refused(Exception):
    """The server refused a request."""


class Source:
    """A file of random bytes; bodies are windows into it, which wraps around."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._size = path.stat().st_size

    def send(self, peer: socket.socket, start: int, count: int) -> None:
        """Send the bytes of a window."""
        for offset, size in self._pieces(start, count):
            done = 0
            while done < size:
                done += os.sendfile(peer.fileno(), self._file, offset + done, size - done)

    def read(self, start: int, count: int) -> Iterable[bytes]:
        """Yield the bytes of a window, one MiB at a time."""
        for offset, size in self._pieces(start, count):
            for done in range(0, size, 1 << 20):
                yield os.pread(self._file, min(1 << 20, size - done), offset + done)

    def _pieces(self, start: int, count: int) -> Iterable[tuple[int, int]]:
        while count:
            offset = start % self._size
            size = min(count, self._size - offset)
            yield offset, size
            start += size
            count -= size


class Connection:
    """One connection, kept alive as long as the server allows it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._host = f"{address[0]}:{address[1]}"
        self.socket = _connect(address)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def head(self, method: str, path: str, headers: dict[str, str]) -> bytes:
        """Build the head of a request."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n{fields}\r\n".encode("latin-1")

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> Answer:
        """Make a request without a body. Raises Refused for anything but a 2xx."""
        self.socket.sendall(self.head(method, path, headers or {}))
        return self.answer(bodiless=method == "HEAD")

    def send(
        self, method: str, path: str, headers: dict[str, str], window: tuple[Source, int, int]
    ) -> Answer:
        """Make a request whose body is `count` bytes of a source from `start`. Raises Refused."""
        source, start, count = window
        head = self.head(method, path, {**headers, "Content-Length": str(count)})
        try:
            self.socket.sendall(head, socket.MSG_MORE)
            source.send(self.socket, start, count)
        except ConnectionError as error:
            raise Refused(f"{method} {path}: {error}") from error
        return self.answer()

    def answer(self, *, bodiless: bool = False) -> Answer:
        """Read an answer. Raises Refused."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        if status == 100:
            return self.answer(bodiless=bodiless)
        pairs = (line.partition(":") for line in lines[1:])
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        if not bodiless and status != 204:
            body = self._body(headers, body)
        if headers.get("connection") == "close":
            self.socket.close()
            self.socket = _connect(self._address)
        if not 200 <= status < 300:
            raise Refused(f"{lines[0]}: {body[:200]!r}")
        return Answer(status, headers, body)

    def _body(self, headers: dict[str, str], body: bytes) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            while not body.endswith(b"0\r\n\r\n"):
                body += self._receive()
        while len(body) < int(headers.get("content-length", "0")):
            body += self._receive()
        return body

    def _receive(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise Refused("the server hung up")
        return data


def _connect(address: tuple[str, int]) -> socket.socket:
    connected = socket.create_connection(address, timeout=PATIENCE)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The timeouts are left to the kernel, because sendfile needs a blocking socket.
    connected.settimeout(None)
    patience = struct.pack("ll", PATIENCE, 0)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
    return connected
