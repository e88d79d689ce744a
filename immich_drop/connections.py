"""Limits on connections: how many one address may have, and how many there may be in all.

The other limits count requests. But a connection costs an open file even when no request ever comes
over it, and when there are no more files Tornado's accept loop spins. So connections are counted
here, as they come in. Those that are let in can lend their socket to a thread (see `lending`).
"""

import asyncio
import errno
import json
import logging
import resource
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from weakref import WeakSet

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application

from immich_drop.errors import TooManyConnections
from immich_drop.lending import LendableStream
from immich_drop.tus import VERSION

log = logging.getLogger(__name__)

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

JSON_BYTES = 64 * 1024
"""A body other than a file's: 100 checksums are 5 kB, and to read a MiB of JSON takes 0.1 s."""

HEADER_BYTES = 256 * 1024
"""More than we take: what is too long gets an answer, and only what is absurd a hang-up."""

RESERVE = 128
"""Open files kept for ourselves: spool, database, connections to Immich, and farewells."""

SHARE = 4
"""Guests get at least one in so many open files, also where that leaves less than the reserve."""

MOST_FILES = 65536
"""Beyond that, memory is what runs out first."""

BREATH = 1.0
"""Seconds before accepting again."""

FAREWELLS = 32
FAREWELL = 2.0
"""How many guests at a time, and seconds each, are given to read why they may not come in."""

SLACK = 32
"""Addresses without a connection that are not worth tidying up after."""


class _Listener(socket.socket):
    """A listening socket that takes a breath when there is no open file left for a guest.

    Without it Tornado's accept loop spins, with a traceback each time, until somebody leaves.
    """

    def accept(self) -> tuple[socket.socket, Any]:
        """Let a guest in. Raises BlockingIOError when nobody is there, or nobody fits in."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            log.warning("no more connections for %g s: %s", BREATH, error.strerror)
            loop = IOLoop.current()
            loop.update_handler(self, 0)
            loop.call_later(BREATH, self._go_on, loop)
            raise BlockingIOError from error

    def _go_on(self, loop: IOLoop) -> None:
        if self.fileno() >= 0:
            loop.update_handler(self, IOLoop.READ)


def listen(host: str, port: int) -> list[socket.socket]:
    """Bind to an address; `::` is every one, those of IPv4 too. Raises OSError which names it."""
    try:
        sockets = [_bind_all(port)] if host == "::" else bind_sockets(port, host)
    except OSError as error:
        raise OSError(f"{host}:{port}: {error.strerror or error}") from error
    listeners: list[socket.socket] = [_Listener(fileno=each.detach()) for each in sockets]
    for listener in listeners:
        # Accepted sockets inherit it: a phone that vanished is found out in minutes.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return listeners


def _bind_all(port: int) -> socket.socket:
    """Bind to every address; Tornado itself would leave those of IPv4 out."""
    both = socket.create_server(
        ("::", port), family=socket.AF_INET6, dualstack_ipv6=socket.has_dualstack_ipv6()
    )
    both.setblocking(False)
    return both


class BoundedServer(HTTPServer):
    """An HTTP server that lets in `most` connections of one address; 0 is any number."""

    def initialize(  # type: ignore[override]
        self,
        application: Application,
        *,
        most: int,
        exempt: Callable[[str], bool],
        subscriber: Callable[[str], str],
        headers: Mapping[str, str],
        idle: float,
    ) -> None:
        """Serve; `exempt` tells the addresses of proxies, which have no limit.

        `subscriber` maps an address to what connections are counted by (see `forwarded`). Who is
        sent away gets `headers` too. Headers, and a body that is no file's, have to be whole within
        `idle` seconds.
        """
        super().initialize(
            application,
            max_body_size=JSON_BYTES,
            max_header_size=HEADER_BYTES,
            idle_connection_timeout=idle,
            body_timeout=idle,
        )
        self._most = most
        self._exempt = exempt
        self._subscriber = subscriber
        self._refusal = _refusal(headers)
        self._most_in_all = _most_in_all(_allow_files())
        self._inside: WeakSet[IOStream] = WeakSet()
        self._by_address: dict[str, WeakSet[IOStream]] = {}
        self._farewells: set[asyncio.Task[None]] = set()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Let a connection in, as one whose socket can be lent, or send it away."""
        host = str(address[0])
        if reason := self._why_not(host):
            log.info("connection refused: %s", reason)
            self._send_away(stream)
            return
        self._forget_addresses()
        lendable = LendableStream(
            stream.socket,
            max_buffer_size=stream.max_buffer_size,
            read_chunk_size=stream.read_chunk_size,
        )
        self._inside.add(lendable)
        self._by_address.setdefault(self._subscriber(host), WeakSet()).add(lendable)
        super().handle_stream(lendable, address)

    def _forget_addresses(self) -> None:
        if len(self._by_address) > 2 * len(self._inside) + SLACK:
            self._by_address = {key: own for key, own in self._by_address.items() if own}

    def _why_not(self, host: str) -> str:
        """Say why there is no place for one more of this address; empty when there is."""
        if _has_open(self._inside, self._most_in_all):
            return f"all {self._most_in_all} places are taken"
        own = self._by_address.get(self._subscriber(host))
        if own and self._most and not self._exempt(host) and _has_open(own, self._most):
            return f"{host} has LIMIT_CONNECTIONS ({self._most}) connections"
        return ""

    def _send_away(self, stream: IOStream) -> None:
        if len(self._farewells) >= FAREWELLS:
            stream.close()
            return
        farewell = asyncio.create_task(_say_why(stream, self._refusal))
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)


def _has_open(streams: WeakSet[IOStream], count: int) -> bool:
    """Tell whether at least `count` are open; closed ones linger until they are collected."""
    return len(streams) >= count and sum(not stream.closed() for stream in streams) >= count


async def _say_why(stream: IOStream, refusal: bytes) -> None:
    try:
        async with asyncio.timeout(FAREWELL):
            await stream.write(refusal)
            # To close on bytes that were not read would take the answer along (RST).
            stream.socket.shutdown(socket.SHUT_WR)
            while True:
                await stream.read_bytes(64 * 1024, partial=True)
    except (StreamClosedError, TimeoutError, OSError):
        stream.close()


def _refusal(headers: Mapping[str, str]) -> bytes:
    error = TooManyConnections()
    body = json.dumps({"code": error.code, "message": error.message})
    head = (
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
        "Content-Type: application/json; charset=utf-8",
        f"Content-Length: {len(body)}",
        f"Retry-After: {error.retry_after}",
        f"Tus-Resumable: {VERSION}",  # the page takes no other answer to an upload for ours
        *(f"{name}: {value}" for name, value in headers.items()),
        "Connection: close",
    )
    return "\r\n".join((*head, "", body)).encode()


def _most_in_all(files: int) -> int:
    """Tell how many connections there may be at a time with so many open files."""
    most = max(files - RESERVE, files // SHARE)
    if files < 2 * RESERVE:
        log.warning("only %d files may be open (ulimit -n): enough for %d connections", files, most)
    return most


def _allow_files() -> int:
    """Raise the number of files we may open as far as the system lets us; tells how far."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
