"""A TCP proxy that behaves like a phone network: slow, silent, cut, or gone."""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from harness.wire import Address

PIECE = 64 << 10


@dataclass(eq=False, slots=True)
class Link:
    """One client's connection through the proxy."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    allowance: int | None
    """Bytes that may still be sent before the cut, or None."""
    moving: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Hostile:
    """Forwards connections to `upstream`; how it treats them can change while they run.

    All public methods may be called from any thread, and have taken effect when they return.
    """

    def __init__(self, upstream: Address) -> None:
        self.upstream = upstream
        self.rate: float | None = None
        """Bytes per second towards the server, per connection."""
        self.allowance: int | None = None
        """Bytes that a new connection may send before its client is cut off; they all arrive."""
        self.refusing = False
        """New connections are closed at once."""
        self.sent = 0
        """Bytes sent to the server so far."""
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        listener = socket.create_server(("127.0.0.1", 0))
        # Accepted sockets inherit this small buffer, so that sent bytes do not linger in it.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        self.address: Address = listener.getsockname()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._accept, sock=listener, limit=PIECE), self._loop
        ).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        async def close() -> None:
            self._server.close()
            for link in self._links:
                link.cut()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Reset every open connection."""
        self._each(Link.cut)

    def freeze(self) -> None:
        """Make every open connection silent, without closing it; new ones work."""
        self._each(lambda link: link.moving.clear())

    def thaw(self) -> None:
        """Let the frozen connections go on: their bytes arrive late."""
        self._each(lambda link: link.moving.set())

    def leave(self) -> None:
        """Take the network away."""
        self.refusing = True
        self.cut()

    def come_back(self) -> None:
        """Bring the network back."""
        self.refusing = False

    def quiet(self) -> bool:
        """Tell whether every connection has ended, also for the server."""
        return not self._tasks

    def _each(self, do: Callable[[Link], None]) -> None:
        done = threading.Event()

        def on_loop() -> None:
            for link in tuple(self._links):
                do(link)
            done.set()

        self._loop.call_soon_threadsafe(on_loop)
        done.wait()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Also if it is cancelled before it begins.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.upstream, limit=PIECE)
        except OSError:
            return
        link = Link((writer, up_writer), self.allowance)
        link.moving.set()
        self._links.add(link)
        try:
            await asyncio.gather(
                self._up(link, reader, up_writer), self._down(link, up_reader, writer)
            )
        finally:
            self._links.discard(link)
            link.cut()

    async def _up(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(self._piece(link)):
                await link.moving.wait()
                if self.rate:
                    await asyncio.sleep(len(data) / self.rate)
                writer.write(data)
                await writer.drain()
                self.sent += len(data)
                if link.allowance is not None:
                    link.allowance -= len(data)
                    if link.allowance <= 0:
                        link.writers[0].transport.abort()
                        break
            writer.write_eof()

    def _piece(self, link: Link) -> int:
        """Return how much to read at once: little enough to keep the rate and to cut exactly."""
        bounds = (PIECE, link.allowance, self.rate and max(1, int(self.rate / 20)))
        return min(int(bound) for bound in bounds if bound)

    async def _down(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(PIECE):
                await link.moving.wait()
                writer.write(data)
                await writer.drain()
            writer.write_eof()
