"""The stand-in as a whole: starts, stops, goes down and comes back up."""

import asyncio
import socket
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from immich_drop.standin.faults import FaultPlan
from immich_drop.standin.handler import ApiHandler
from immich_drop.standin.library import Library
from immich_drop.standin.rows import Album, Asset, Key, Link, User
from immich_drop.standin.sender import PIECE
from immich_drop.standin.wire import Release, Version, Wire

KEEP_ALIVE = 5.0
"""Seconds an idle connection stays open (Node's keepAliveTimeout)."""
UNLIMITED = 1 << 50
"""Bytes of a request body: Immich has no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request, and how it was answered."""

    name: str
    """`METHOD /path`, the path below /api."""
    status: int
    """0 where the connection ended without an answer."""
    received: int
    """Bytes of the body that were read."""


class StandIn:
    """An Immich that stores what it receives in a folder, and fails on request."""

    def __init__(
        self,
        folder: Path,
        *,
        version: Version = (2, 7, 5),
        wire: Wire | None = None,
        key: str = "stand-in-key",
        permissions: Iterable[str] = ("all",),
        service_time: float = 0.0,
        job_delay: float | None = 0.2,
        seed: int = 0,
    ) -> None:
        """`service_time`: seconds per upload. Jobs run after `job_delay` seconds (None: only when
        `run_jobs` is called)."""
        self.release = Release.of(version, wire)
        self.library = Library(folder)
        self.user = User(name="Host", admin=True)
        self.key = self.library.add_key(key, self.user, permissions, "stand-in").secret
        self.faults = FaultPlan(seed)
        self.maintenance = False
        self.service_time = service_time
        self.exchanges: deque[Exchange] = deque(maxlen=100_000)
        self.url = ""
        self._job_delay = job_delay
        self._server: HTTPServer | None = None
        self._socket: socket.socket
        self._closed: asyncio.Future[None]
        self._address = ("127.0.0.1", 0)
        self._comeback: asyncio.TimerHandle | None = None

    @property
    def assets(self) -> list[Asset]:
        """All assets, in the order of arrival."""
        return list(self.library.assets.values())

    @property
    def albums(self) -> list[Album]:
        """All albums, in the order of creation."""
        return list(self.library.albums.values())

    def album(self, name: str) -> Album:
        """Return the only album with this name."""
        (album,) = (each for each in self.albums if each.name == name)
        return album

    def add_user(self, name: str, permissions: Iterable[str] = ("all",)) -> Key:
        """Make an account with an API key; the same name gives the same account and key in every
        run."""
        user = User(name=name)
        if user.id not in self.library.users:
            self.library.save(user)
        return self.library.add_key(f"{self.key}-{name}", user, permissions, name)

    def make_link(
        self,
        *,
        album: str,
        owner: User | None = None,
        slug: str | None = None,
        password: str | None = None,
        description: str | None = None,
        expires_at: datetime | None = None,
        allow_upload: bool = True,
    ) -> Link:
        """Share an album of `owner` (default: `user`); the album is created if it does not exist.

        A slug belongs to one link: a link that has it already is changed, and keeps its key.
        """
        owner_id = (owner or self.user).id
        mine = (each for each in self.albums if (each.owner, each.name) == (owner_id, album))
        shared = next(mine, None) or Album(owner=owner_id, name=album)
        self.library.save(shared)
        links = self.library.links.values()
        named = next((each for each in links if slug and each.slug == slug), None)
        link = named or Link(owner=owner_id, album=shared.id, slug=slug)
        link.owner, link.album = owner_id, shared.id
        link.password, link.description = password, description
        link.expires_at, link.allow_upload = expires_at, allow_upload
        self.library.save(link)
        return link

    @property
    def listening(self) -> bool:
        """Whether connections are accepted."""
        return self._server is not None

    async def start(self, port: int = 0, address: str = "127.0.0.1") -> str:
        """Listen, and return the base URL, which ends in /api."""
        self._address = (address, port)
        self._hold_port()
        self._listen()
        host, port = self._address
        self.url = f"http://{host}:{port}/api"
        return self.url

    async def stop(self) -> None:
        """Close the port and every connection."""
        self.faults.clear()
        if self._comeback:
            self._comeback.cancel()
        self._close()
        await self._closed
        self._socket.close()

    async def down(self, seconds: float | None = None) -> None:
        """Cut all connections and refuse new ones, for `seconds` or until `up`."""
        self.refuse(seconds)
        await self._closed

    def refuse(self, seconds: float | None = None) -> None:
        """Go down without waiting for requests in flight to end: one of them may have caused it."""
        if self._server:
            self._close()
            self._hold_port()
        if self._comeback:
            self._comeback.cancel()
        if seconds is not None:
            self._comeback = asyncio.get_running_loop().call_later(seconds, self.up)

    def up(self) -> None:
        """Come back up on the same port, with the same contents."""
        if self._server is None:
            self._listen()

    def run_jobs(self) -> None:
        """Run Immich's job queue: remove the assets that were deleted for good."""
        for asset in [each for each in self.assets if each.doomed]:
            self.library.remove(asset)

    def note(self, name: str, status: int, received: int) -> None:
        """Record an exchange, and schedule the jobs it may have left."""
        self.exchanges.append(Exchange(name=name, status=status, received=received))
        if self._job_delay is not None and name == "DELETE /assets":
            asyncio.get_running_loop().call_later(self._job_delay, self.run_jobs)

    async def serve(self) -> None:
        """Wait for as long as an upload is to take."""
        if self.service_time:
            await asyncio.sleep(self.service_time)

    def _hold_port(self) -> None:
        """Bind without listening: the port stays reserved, and connections are refused."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(self._address)
        self._address = self._socket.getsockname()[:2]

    def _listen(self) -> None:
        self._socket.listen(128)
        self._server = HTTPServer(
            Application([(r".*", ApiHandler, {"standin": self})], log_function=_silent),
            chunk_size=PIECE,
            max_body_size=UNLIMITED,
            idle_connection_timeout=KEEP_ALIVE,
        )
        self._server.add_socket(self._socket)

    def _close(self) -> None:
        """Stop listening, and start to close open connections; `_closed` is done once they are."""
        self.faults.wake()
        if self._server:
            self._server.stop()
            self._closed = asyncio.ensure_future(self._server.close_all_connections())
            self._server = None


def _silent(_: RequestHandler) -> None:
    """Leave Tornado's access log to the product."""
