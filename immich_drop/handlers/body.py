"""Requests whose body goes into an upload: it is taken as it arrives, and refused politely.

Tornado closes right after an answer that is given before the body is read, so that a client which
is still sending may never read it. Hence a refusal is sent at once, and what is still coming is
read and dropped, within bounds.
"""

import asyncio
import logging
import sys
from asyncio import Future
from contextlib import suppress
from typing import Any, cast

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import Finish, stream_request_body

from immich_drop.errors import BadRequest, DropError, MethodNotAllowed, TooLarge
from immich_drop.handlers.base import DropHandler
from immich_drop.handlers.framing import Framing
from immich_drop.handlers.intake import Intake
from immich_drop.handlers.parts import Parts
from immich_drop.lending import LendableStream
from immich_drop.reception import Reception
from immich_drop.tus import VERSION
from immich_drop.upload import Upload

log = logging.getLogger(__name__)

LINGER_BYTES = 64 * 1024 * 1024
LINGER_SECONDS = 5.0
"""How much of a refused body is read, so that the client gets to read our answer."""


@stream_request_body
class BodyHandler(DropHandler):
    """A tus request. Subclasses `open` it; the verbs end it with `end_body`."""

    def initialize(self, parts: Parts) -> None:
        """Take what the routing table gives."""
        super().initialize(parts)
        self.reception: Reception | None = None
        self._body = Framing(self._stream, 0)
        self._begun = False
        self._answered = False

    def set_default_headers(self) -> None:
        """Name our version of tus in every answer."""
        super().set_default_headers()
        self.set_header("Tus-Resumable", VERSION)
        self.set_header("Tus-Version", VERSION)

    def compute_etag(self) -> str | None:
        """Give no tag: nothing here is ever served from a cache."""
        return None

    async def prepare(self) -> None:
        """Decide before the body is read, then read it."""
        self._begun = True
        self.find_link()
        try:
            self._body = Framing.take(self._stream, self.request.headers)
        except BadRequest as error:
            self.explain(error)
            await self._answer_and_close()
            return
        try:
            self._find_method()
            self.check_sender()
            await self.open()
            if not self._answered:
                await self._take_body()
        except DropError as error:
            await self._refuse(error)

    async def open(self) -> None:
        """Decide on the request; set `reception` to take its body. Raises DropError."""

    @property
    def body_size(self) -> int | None:
        """Bytes of the body; None when it comes in chunks."""
        return self._body.length

    async def end_body(self) -> Upload | None:
        """End the reception after the last byte: the first thing every verb does.

        Raises what Receiver.finish raises, and Finish when the request was refused before.
        """
        if self._answered:
            raise Finish
        reception, self.reception = self.reception, None
        return await self.parts.receiver.finish(reception) if reception else None

    async def not_here(self, *args: Any, **kwargs: Any) -> None:
        """Be a verb that this URL does not have: it was refused, and that is said already."""
        await self.end_body()

    get = head = post = patch = put = delete = not_here

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an exception; one from before `prepare` ends the connection, so say that."""
        if not self._begun:
            self.set_header("Connection", "close")
        super().write_error(status_code, **kwargs)

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> Future[None]:
        """End the answer, and the connection too where that was said (RFC 9112, section 9.6).

        Tornado does so only if the client, or it itself, wants it.
        """
        stream, sent = self._stream, super().finish(chunk)
        if self._headers.get("Connection") == "close":
            sent.add_done_callback(lambda _: _hang_up(stream))
        return sent

    def evict(self) -> None:
        """Make room for a newer request: what came is kept.

        A body that is whole makes room by itself, and who brought it is to hear so.
        """
        if not self._body.whole:
            self._stream.close()

    def on_connection_close(self) -> None:
        """Leave the upload when the guest is gone."""
        super().on_connection_close()
        self.parts.spawn(self._let_go())

    def on_finish(self) -> None:
        """Leave the upload if the request failed on the way."""
        self.parts.spawn(self._let_go())

    @property
    def _stream(self) -> LendableStream:
        return cast(LendableStream, cast(HTTP1Connection, self.request.connection).stream)

    def _find_method(self) -> None:
        """Look through X-HTTP-Method-Override (tus 1.0.0, core), then see what may be done.

        Not in a HEAD: its answer must have no body, whatever it is taken for.
        """
        method = self.request.method
        if method != "HEAD":
            method = self.request.headers.get("X-HTTP-Method-Override", str(method)).upper()
        if method not in self.verbs:
            raise MethodNotAllowed(str(method)[:20])
        # Only now: Tornado calls whatever bears this name.
        self.request.method = method

    async def _take_body(self) -> None:
        self._ask_for_body()
        if self.reception is None:
            await self._drop_body()
            return
        intake = Intake(
            self._stream, self._body, self.reception, self.parts.buffers, idle=self.parts.idle
        )
        try:
            await intake.run()
        except StreamClosedError:
            await self._let_go()
            self.set_status(499, "Client Closed Request")
            raise Finish from None

    def _ask_for_body(self) -> None:
        """Let a client send that waits for our word (RFC 9110 section 10.1.1)."""
        expected = self.request.headers.pop("Expect", "").lower()
        if expected == "100-continue" and self.request.version != "HTTP/1.0":
            self._stream.write(b"HTTP/1.1 100 (Continue)\r\n\r\n")

    async def _refuse(self, error: DropError) -> None:
        await self._let_go(refused=isinstance(error, TooLarge))
        self.explain(error)
        await self.answer_early(broken=self._body.length is None and isinstance(error, BadRequest))

    async def answer_early(self, *, broken: bool = False) -> None:
        """Send the answer now, then read and drop the body, which is of no use.

        With `broken` nobody knows where it ends.
        """
        self._answered = True
        size = self._body.length
        if size == 0:
            return
        if broken or "Expect" in self.request.headers:
            await self._answer_and_close()
            return
        if size is None or size > LINGER_BYTES:
            self.set_header("Connection", "close")
        with suppress(StreamClosedError):
            await self.flush()
        await self._drop_body()

    async def _drop_body(self) -> None:
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                whole = await self._body.drop(LINGER_BYTES)
        except (BadRequest, TimeoutError, StreamClosedError):
            whole = False
        if not whole:
            _hang_up(self._stream)

    async def _answer_and_close(self) -> None:
        """End the connection too: where the next request would begin, nobody knows."""
        self.set_header("Connection", "close")
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await self.finish()
        except (TimeoutError, StreamClosedError):
            _hang_up(self._stream)

    async def _let_go(self, *, refused: bool = False) -> None:
        reception, self.reception = self.reception, None
        if reception is None:
            return
        try:
            await self.parts.receiver.abandon(reception, refused=refused)
        except DropError as error:
            log.warning("upload=%s %s %s", reception.upload.id, error.code, error)


def _hang_up(stream: IOStream) -> None:
    """Close a connection, and drop the bytes that Tornado has read ahead.

    HTTP1Connection looks for a next request even on a closed stream (Tornado 6.6.1), and would find
    one among the bytes of a refused body.
    """
    stream.close()
    with suppress(StreamClosedError):
        stream.read_bytes(sys.maxsize, partial=True)
