"""`/ws`: what happens to a session's uploads, as it happens.

Messages are not compressed. Apple's browsers offer permessage-deflate, but several versions of them
close the connection on a large compressed message; and it costs 200 to 300 kB for each connection.
"""

import asyncio
import json

from tornado.websocket import WebSocketClosedError, WebSocketHandler

from immich_drop.errors import BadRequest, DropError
from immich_drop.handlers.base import DropHandler
from immich_drop.progress import Watcher
from immich_drop.tus import is_session

HELLO = 10.0
"""Seconds in which the page has to say which session it is."""

MAX_PAGES = 8
"""Sockets of one session: tabs and those a phone left behind."""

HANDSHAKE = frozenset({"Upgrade", "Connection", "Sec-Websocket-Key", "Sec-Websocket-Version"})
"""Header fields without which Tornado answers with a text (RFC 6455 section 4.2.1)."""

GOING_AWAY, UNSUPPORTED, POLICY, BUSY = 1001, 1003, 1008, 1013
"""Close codes (RFC 6455 section 7.4.1)."""


class EventsHandler(DropHandler, WebSocketHandler):
    """A watcher of one session. Same origin only."""

    session: str | None = None
    watcher: Watcher | None = None
    pump: asyncio.Task[None] | None = None
    patience: asyncio.TimerHandle | None = None

    def check_origin(self, origin: str) -> bool:
        """Let only our own page in."""
        return self.parts.forwarded.is_ours(origin, self.request)

    async def get(self, *args: str, **kwargs: str) -> None:
        """Shake hands. Raises RateLimited, and BadRequest: who asks does not want a WebSocket."""
        self.parts.requests.spend(self.address)
        headers = self.request.headers
        if not HANDSHAKE.issubset(headers) or "upgrade" not in headers["Connection"].lower():
            raise BadRequest("no WebSocket handshake")
        await super().get(*args, **kwargs)

    def open(self, *args: str, **kwargs: str) -> None:
        """Wait for the page to say which session it is."""
        self.set_nodelay(True)
        loop = asyncio.get_running_loop()
        self.patience = loop.call_later(HELLO, self.close, POLICY, "no session")
        self.parts.sockets.add(self)

    async def on_message(self, message: str | bytes) -> None:
        """Take the session, then only signs of life.

        The next message waits until the answer has left: who asks and never listens must not fill
        our memory.
        """
        words = _read(message)
        if self.session is None:
            self._greet(words.get("session"))
        elif words.get("type") == "ping":
            await self._say({"type": "pong"})
        else:
            self.close(UNSUPPORTED, "not understood")

    def on_close(self) -> None:
        """Stop watching."""
        self.parts.sockets.discard(self)
        if self.patience is not None:
            self.patience.cancel()
        if self.pump is not None:
            self.pump.cancel()
        if self.session is not None and self.watcher is not None:
            self.parts.progress.leave(self.session, self.watcher)

    def _greet(self, session: object) -> None:
        if not isinstance(session, str) or not is_session(session):
            self.close(POLICY, "no session")
            return
        session = self.scoped(session)
        if self.parts.progress.watching(session) >= MAX_PAGES:
            self.close(BUSY, "too many sockets")
            return
        if self.patience is not None:
            self.patience.cancel()
        self.session, self.watcher = session, self.parts.progress.watch(session)
        self.pump = asyncio.create_task(self._pump(session, self.watcher))

    async def _pump(self, session: str, watcher: Watcher) -> None:
        """Send the snapshot, then the news, one write at a time: a stalled phone costs nothing."""
        try:
            uploads = self.parts.snapshot.of(session, address=self.address)
            watcher.forget()
            await self.write_message(json.dumps({"type": "snapshot", "uploads": uploads}))
            while True:
                for news in await watcher.take():
                    await self.write_message(json.dumps({"type": "upload", "upload": news}))
        except WebSocketClosedError:
            return
        except DropError:
            self.close(BUSY, "try again")

    async def _say(self, words: dict[str, str]) -> None:
        try:
            await self.write_message(json.dumps(words))
        except WebSocketClosedError:
            return


def _read(message: str | bytes) -> dict[str, object]:
    try:
        words = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return words if isinstance(words, dict) else {}
