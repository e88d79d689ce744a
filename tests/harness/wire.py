"""Plain HTTP/1.1: the test decides on every byte sent, and every byte of the answer is checked."""

import json
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from harness.wait import until

Address = tuple[str, int]


class Hangup(Exception):
    """The peer closed or reset the connection when an answer was due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer; header names are lower case, repeated ones joined by a comma."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()]

    def get(self, name: str) -> str | None:
        return self.headers.get(name.lower())


def request(
    method: str,
    target: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    host: str = "drop.example",
) -> bytes:
    """Build a request; Content-Length is added if the headers do not frame the body."""
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    names = {name.lower() for name, _ in pairs}
    if "host" not in names:
        pairs.insert(0, ("Host", host))
    framed = names & {"content-length", "transfer-encoding"}
    if not framed and (body or method in {"POST", "PATCH"}):
        pairs.append(("Content-Length", str(len(body))))
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in pairs) + "\r\n"
    return head.encode("utf-8", "surrogateescape") + body


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """Return the pieces in chunked transfer coding."""
    coded = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return coded + (b"0\r\n\r\n" if end else b"")


class Connection:
    """One TCP connection to a server."""

    def __init__(self, address: Address, *, timeout: float = 10.0) -> None:
        self._peer = address
        self._socket = socket.create_connection(address, timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def ask(self, *args: Any, **kwargs: Any) -> Response:
        """Send one request (see `request`) and return the answer to it."""
        self.send(request(*args, **kwargs))
        return self.response(to=args[0])

    def response(self, *, to: str = "GET") -> Response:
        """Read one answer to a request of method `to`.

        Raises:
            Hangup: the connection ended before the answer was complete.
        """
        try:
            return self._response(to)
        except ConnectionError as error:
            raise Hangup(str(error)) from error

    def _response(self, method: str) -> Response:
        _, status, reason = (self._line() + "  ").split(" ", 2)
        headers: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.partition(":")
            key, value = name.lower(), value.strip()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        code = int(status)
        body = b"" if method == "HEAD" or code < 200 or code in {204, 304} else self._body(headers)
        return Response(status=code, reason=reason.strip(), headers=headers, body=body)

    def _line(self) -> str:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise Hangup(f"the answer ended after {line!r}")
        return line[:-2].decode("latin-1")

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self._line(), 16):
                pieces.append(self._file.read(size))
                self._line()
            self._line()
            return b"".join(pieces)
        if "content-length" not in headers:
            return self._file.read()
        return self.read(int(headers["content-length"]))

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, or raise Hangup."""
        try:
            data = self._file.read(size)
        except ConnectionError as error:
            raise Hangup(str(error)) from error
        if len(data) < size:
            raise Hangup(f"{len(data)} of {size} bytes")
        return data

    def finish(self) -> None:
        """Send FIN, but keep reading."""
        self._socket.shutdown(socket.SHUT_WR)

    def until_closed(self) -> bytes:
        """Return all bytes until the peer closes; a reset counts as closing."""
        try:
            return self._file.read()
        except ConnectionError:
            return b""

    def reset(self) -> None:
        """Send RST: the peer loses what it has not read yet."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def settle(self) -> None:
        """Wait until the peer's program has read every byte we sent.

        Linux tells how many bytes wait in the peer's socket (proc_net_tcp: rx_queue); asking the
        product itself would disturb the request in progress.
        """
        own = self._socket.getsockname()[1]
        until(lambda: _unread(self._peer[1], own) == 0, "the server to read all of it")


def _unread(port: int, peer_port: int) -> int | None:
    """Return the bytes waiting in the socket of `port` that is connected to `peer_port`."""
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = row.split()
        if int(local[-4:], 16) == port and int(remote[-4:], 16) == peer_port:
            return int(queues.partition(":")[2], 16)
    return None
