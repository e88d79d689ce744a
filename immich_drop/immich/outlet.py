"""Where a thread writes the body of a request while the event loop listens for its answer."""

import asyncio
from collections.abc import Generator
from contextlib import closing, suppress
from socket import SHUT_RDWR
from typing import Protocol

from tornado.iostream import IOStream, SSLIOStream

from immich_drop.errors import ImmichTrouble

Piece = bytes | memoryview


class Outlet(Protocol):
    """The writing side of a connection."""

    idle: float
    """Seconds within which each piece has to be taken."""

    def put(self, piece: Piece) -> None:
        """Write a piece, from a thread. Raises TimeoutError, and OSError once it is at its end."""

    def end(self) -> None:
        """Have whoever writes fail at once; the stream is closed already."""

    def close(self) -> None:
        """Close it; nobody may be writing."""


class SocketOutlet:
    """A duplicate of a stream's socket."""

    def __init__(self, stream: IOStream, idle: float) -> None:
        self.idle = idle
        self._socket = stream.socket.dup()
        self._socket.settimeout(idle)

    def put(self, piece: Piece) -> None:
        """See Outlet."""
        self._socket.sendall(piece)

    def end(self) -> None:
        """See Outlet."""
        with suppress(OSError):  # the peer may have ended it
            self._socket.shutdown(SHUT_RDWR)

    def close(self) -> None:
        """See Outlet."""
        self._socket.close()


class StreamOutlet:
    """The stream itself: TLS has one state for both directions, so the event loop has to write."""

    def __init__(self, stream: IOStream, idle: float) -> None:
        self.idle = idle
        self._stream = stream
        self._loop = asyncio.get_running_loop()

    def put(self, piece: Piece) -> None:
        """See Outlet."""
        asyncio.run_coroutine_threadsafe(self._write(piece), self._loop).result(self.idle)

    def end(self) -> None:
        """See Outlet."""

    def close(self) -> None:
        """See Outlet."""

    async def _write(self, piece: Piece) -> None:
        await self._stream.write(piece)


def outlet(stream: IOStream, idle: float) -> Outlet:
    """Open the outlet of a stream."""
    kind = StreamOutlet if isinstance(stream, SSLIOStream) else SocketOutlet
    return kind(stream, idle)


def pour(body: Generator[Piece], into: Outlet) -> None:
    """Write a whole body, from a thread, unless the outlet comes to its end; then close the body.

    Raises ImmichTrouble if a piece is not taken in time, and what the body raises.
    """
    with closing(body):
        for piece in body:
            try:
                into.put(piece)
            except TimeoutError:
                raise ImmichTrouble(f"nothing taken for {into.idle:g} s") from None
            except OSError:
                return  # answered early, or cut: who listens knows which
