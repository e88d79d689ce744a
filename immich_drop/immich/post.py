"""One POST whose body is streamed while we already listen for the answer.

On a bad key, a refused type or a known checksum, Immich answers before it has the whole body, and
hangs up. Tornado's AsyncHTTPClient reads only after it has written everything, cannot be cancelled,
and cannot give up on an answer that never comes. So this module writes and reads at the same time
on Tornado's HTTP1Connection, and closes the socket however the exchange ends.
"""

import asyncio
import ssl
import sys
from collections.abc import Generator, Mapping
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache, partial
from socket import IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPCNT, TCP_KEEPINTVL, TCP_NODELAY
from urllib.parse import urlsplit

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient

from immich_drop.errors import ImmichTrouble, ImmichUnavailable
from immich_drop.immich.answers import Answer, reason
from immich_drop.immich.credentials import NAME
from immich_drop.immich.outlet import Outlet, Piece, outlet, pour
from immich_drop.tasks import in_thread

if sys.platform == "darwin":
    from socket import TCP_KEEPALIVE as TCP_KEEPIDLE
else:
    from socket import TCP_KEEPIDLE

_LONGEST_ANSWER = 1 << 20
"""Bytes of an answer; far more than any error page has."""

_OPTIONS = (
    (IPPROTO_TCP, TCP_NODELAY, 1),
    (SOL_SOCKET, SO_KEEPALIVE, 1),
    (IPPROTO_TCP, TCP_KEEPIDLE, 60),
    (IPPROTO_TCP, TCP_KEEPINTVL, 20),
    (IPPROTO_TCP, TCP_KEEPCNT, 3),
)
"""The end of a form is small, and would wait until all before it is acknowledged: 40 ms and more.

TCP keepalive (in seconds) notices a server that lost its power, which closes no connection. We wait
long for an answer, so nothing else would notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The timeouts, in seconds."""

    connect: float = 10
    idle: float = 120
    """While the body is written: until the connection takes the next piece."""
    answer: float = 1800
    """After the body: Immich >= 2.6 fsyncs before it answers, which takes minutes on slow disks."""


@cache
def trust() -> ssl.SSLContext:
    """Return the certificates we trust: one megabyte, which all clients share."""
    return ssl.create_default_context()


class _Reader(HTTPMessageDelegate):
    """Collects the response; closes the stream once it is complete, which ends the sending."""

    def __init__(self, stream: IOStream) -> None:
        self._stream = stream
        self._status: int | None = None
        self._location = ""
        self._body = bytearray()

    @property
    def answer(self) -> Answer | None:
        """The response so far, or None if the connection ended without one."""
        if self._status is None:
            return None
        return Answer(status=self._status, body=bytes(self._body), location=self._location)

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        if isinstance(start_line, ResponseStartLine) and start_line.code >= 200:
            self._status = start_line.code
            self._location = headers.get("Location", "")

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    def finish(self) -> None:
        self._stream.close()


class Streamer:
    """Posts streamed bodies to one server, each on its own connection.

    Threads of `senders` read and write them: at the speed of a local network the event loop would
    have little time for others.
    """

    def __init__(self, base_url: str, patience: Patience, senders: Executor | None = None) -> None:
        parts = urlsplit(base_url)
        tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if tls else 80)
        self._authority = parts.netloc
        self._path = parts.path
        self._tls = trust() if tls else None
        self._patience = patience
        self._senders = senders
        self._client = TCPClient()

    async def post(self, path: str, headers: Mapping[str, str], body: Generator[Piece]) -> Answer:
        """Send `body`, whose Content-Length is among the `headers`, and return the answer to it.

        An early answer ends the sending. The thread that reads `body` closes it. Raises
        ImmichUnavailable (no connection), ImmichTrouble (cut, stalled, or no answer), and what
        `body` raises.
        """
        stream = await self._connect()
        start = RequestStartLine("POST", self._path + path, "HTTP/1.1")
        fields = HTTPHeaders(
            {
                "Host": self._authority,
                "User-Agent": NAME,
                "Accept": "application/json",
                "Connection": "close",
                **headers,
            }
        )
        answer = await self._converse(stream, start, fields, body)
        if answer is None:
            raise ImmichTrouble("the connection was cut before an answer")
        return answer

    def close(self) -> None:
        """Release the resolver."""
        self._client.close()

    async def _connect(self) -> IOStream:
        try:
            stream = await self._client.connect(
                self._host, self._port, ssl_options=self._tls, timeout=self._patience.connect
            )
        except OSError as error:
            raise ImmichUnavailable(reason(error)) from error
        if stream.closed():
            raise ImmichTrouble("the connection was cut as soon as it was made")
        return stream

    async def _converse(
        self,
        stream: IOStream,
        start: RequestStartLine,
        headers: HTTPHeaders,
        body: Generator[Piece],
    ) -> Answer | None:
        connection = _client(stream)
        with closing(self._outlet(stream)) as out:
            reading = asyncio.create_task(_read(connection))
            writing = asyncio.create_task(self._write(connection, start, headers, body, out))
            try:
                await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    writing.result()
                    await asyncio.wait({reading}, timeout=self._patience.answer)
                if not reading.done():
                    raise ImmichTrouble(f"no answer within {self._patience.answer:g} s")
                return reading.result()
            finally:
                stream.close()
                out.end()
                writing.cancel()
                await asyncio.gather(reading, writing, return_exceptions=True)
                # What one of them raised leads to this frame, and to the last block.
                del reading, writing

    def _outlet(self, stream: IOStream) -> Outlet:
        try:
            for option in _OPTIONS:
                stream.socket.setsockopt(*option)
            return outlet(stream, self._patience.idle)
        except OSError as error:  # it was cut, or too many files are open
            stream.close()
            raise ImmichTrouble(reason(error)) from error

    async def _write(
        self,
        connection: HTTP1Connection,
        start: RequestStartLine,
        headers: HTTPHeaders,
        body: Generator[Piece],
        out: Outlet,
    ) -> None:
        with suppress(StreamClosedError):
            await connection.write_headers(start, headers)
            await in_thread(partial(pour, body, out), self._senders)


def _client(stream: IOStream) -> HTTP1Connection:
    params = HTTP1ConnectionParameters(no_keep_alive=True, max_body_size=_LONGEST_ANSWER)
    return HTTP1Connection(stream, is_client=True, params=params)


async def _read(connection: HTTP1Connection) -> Answer | None:
    reader = _Reader(connection.stream)
    with suppress(StreamClosedError):
        await connection.read_response(reader)
    return reader.answer
