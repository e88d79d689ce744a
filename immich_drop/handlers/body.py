"""Requests whose body goes into an upload: it is taken as it arrives, and refused politely.

Tornado answers nothing to an exception in `data_received` (its issue 1223) and closes right after
an answer given in `prepare`, so that a client which is still sending may never read it. Hence a
refusal is sent at once and the rest of the body is read and dropped, within bounds.
"""

import asyncio
import logging
from typing import cast

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import Finish, stream_request_body

from immich_drop.errors import DropError, MethodNotAllowed, TooLarge
from immich_drop.handlers.base import DropHandler
from immich_drop.handlers.intake import SMALL, Intake
from immich_drop.handlers.pace import Pace
from immich_drop.handlers.parts import Parts
from immich_drop.reception import Reception
from immich_drop.tus import VERSION
from immich_drop.upload import Upload

log = logging.getLogger(__name__)

MOST = 1 << 50
FOR_EVER = 365 * 86400.0
"""Bytes and seconds Tornado may allow: how many we do is planned upload by upload."""

LINGER_BYTES = 64 * 1024 * 1024
LINGER_SECONDS = 5.0
"""How much of a refused body is read, so that the client gets to read our answer."""


@stream_request_body
class BodyHandler(DropHandler):
    """A tus request. Subclasses `open` it; the verbs end it with `end_body`."""

    VERBS: tuple[str, ...] = ()
    """What may be done at this URL."""

    def initialize(self, parts: Parts) -> None:
        """Take what the routing table gives."""
        super().initialize(parts)
        self.reception: Reception | None = None
        self._pace = Pace(window=parts.idle, clock=asyncio.get_running_loop().time)
        self._watch: asyncio.TimerHandle | None = None
        self._refused = False
        self._dropped = 0

    def set_default_headers(self) -> None:
        """Name our version of tus in every answer."""
        super().set_default_headers()
        self.set_header("Tus-Resumable", VERSION)
        self.set_header("Tus-Version", VERSION)

    def compute_etag(self) -> str | None:
        """Give no tag: nothing here is ever served from a cache."""
        return None

    async def prepare(self) -> None:
        """Decide before the body is read, then read it if its length is known."""
        self._connection.set_max_body_size(MOST)
        self._connection.set_body_timeout(FOR_EVER)
        try:
            self._find_method()
            super().prepare()
            await self.open()
            await self._take_body()
        except DropError as error:
            await self._refuse(error)

    async def open(self) -> None:
        """Decide on the request; set `reception` to take its body. Raises DropError."""

    async def data_received(self, chunk: bytes) -> None:
        """Take a piece of a chunked or small body."""
        if self.reception is None:
            await self._drop(chunk)
            return
        self._stop_watch()
        self._pace.come(len(chunk))
        try:
            await self.reception.write(chunk)
        except DropError as error:
            await self._refuse(error)
        else:
            self._expect_more()

    async def end_body(self) -> Upload | None:
        """End the reception after the last byte: the first thing every verb does.

        Raises what Receiver.finish raises, and Finish when the request was refused before.
        """
        self._stop_watch()
        if self._refused:
            raise Finish
        reception, self.reception = self.reception, None
        return await self.parts.receiver.finish(reception) if reception else None

    def evict(self) -> None:
        """Make room for a newer request: what came is kept."""
        self._stream.close()

    def on_connection_close(self) -> None:
        """Keep what came before the connection was cut."""
        super().on_connection_close()
        self._end_early()

    def on_finish(self) -> None:
        """Leave the upload if the request failed on the way."""
        self._end_early()

    @property
    def body_size(self) -> int | None:
        """Bytes of the body; None when it is chunked."""
        if "Transfer-Encoding" in self.request.headers:
            return None
        # Tornado has checked that it is a number.
        length = self.request.headers.get("Content-Length", "0")
        return int(length) if length.isdecimal() else None

    @property
    def _connection(self) -> HTTP1Connection:
        return cast(HTTP1Connection, self.request.connection)

    @property
    def _stream(self) -> IOStream:
        return self._connection.stream

    def _find_method(self) -> None:
        """Look through X-HTTP-Method-Override (tus 1.0.0, core), then see what may be done."""
        method = self.request.method
        if method == "POST":
            method = self.request.headers.get("X-HTTP-Method-Override", method).upper()
        if method not in self.VERBS:
            self.set_header("Allow", ", ".join(self.VERBS))
            raise MethodNotAllowed(str(method)[:20])
        # Only now: Tornado calls whatever bears this name.
        self.request.method = method

    async def _take_body(self) -> None:
        size = self.body_size
        if self.reception is None or size is None or size <= SMALL:
            self._expect_more()
            return
        if self.request.headers.pop("Expect", "").lower() == "100-continue":
            self._stream.write(b"HTTP/1.1 100 (Continue)\r\n\r\n")
        intake = Intake(
            self._stream, size, self.reception, self.parts.buffers, idle=self.parts.idle
        )
        try:
            await intake.run()
        except StreamClosedError:
            await self._let_go()
            self.set_status(499, "Client Closed Request")
            raise Finish from None
        finally:
            # What is left, if anything, is what HTTP1Connection still has to read.
            self.request.headers["Content-Length"] = str(intake.left)

    async def _refuse(self, error: DropError) -> None:
        """Answer now, and drop what is still coming."""
        self.failure = error
        self._refused = True
        self._stop_watch()
        await self._let_go(refused=isinstance(error, TooLarge))
        self.explain(error)
        size = self.body_size
        if size == 0:
            return
        if "Expect" in self.request.headers:
            self.finish()
            return
        if size is None or size > LINGER_BYTES:
            self.set_header("Connection", "close")
        self._watch = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._stream.close)
        try:
            await self.flush()
        except StreamClosedError:
            log.debug("the guest did not wait for the answer")

    async def _drop(self, chunk: bytes) -> None:
        self._dropped += len(chunk)
        if self._dropped > LINGER_BYTES:
            self._stream.close()

    async def _let_go(self, *, refused: bool = False) -> None:
        reception, self.reception = self.reception, None
        if reception is None:
            return
        try:
            await self.parts.receiver.abandon(reception, refused=refused)
        except DropError as error:
            log.warning("upload=%s %s %s", reception.upload.id, error.code, error)

    def _end_early(self) -> None:
        self._stop_watch()
        if self.reception is not None:
            self.parts.spawn(self._let_go())

    def _expect_more(self) -> None:
        """Give up on a guest that is silent or all but: a half-open connection never tells."""
        self._stop_watch()
        self._pace.wait()
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(self._pace.patience, self._stream.close)

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
