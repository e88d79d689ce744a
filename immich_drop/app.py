"""The composition root: build, start, stop. Read it from top to bottom."""

import asyncio
import logging
import time
from datetime import UTC, datetime
from secrets import token_urlsafe

from tornado.websocket import WebSocketHandler

from immich_drop import predecessor
from immich_drop.accepted import Accepted
from immich_drop.allowance import Allowance
from immich_drop.buffers import Buffers
from immich_drop.clocks import every, watch_loop
from immich_drop.connections import BoundedServer, listen
from immich_drop.create import Creator
from immich_drop.db import Db
from immich_drop.destination import Destinations
from immich_drop.destination_factory import DestinationFactory
from immich_drop.entrance import Entrance
from immich_drop.facts import Facts
from immich_drop.handlers import make_application
from immich_drop.handlers.base import HEADERS
from immich_drop.handlers.forwarded import Forwarded, subscriber
from immich_drop.handlers.parts import Parts
from immich_drop.handlers.ws import GOING_AWAY
from immich_drop.health import Health
from immich_drop.known import Known
from immich_drop.ledger import Ledger
from immich_drop.lifetime import Lifetime
from immich_drop.limits import Rate
from immich_drop.link import Link, LinkBook
from immich_drop.locker import Locker
from immich_drop.metrics import Gauges, Metrics
from immich_drop.notify import Notifier
from immich_drop.progress import Progress
from immich_drop.pulse import Pulse
from immich_drop.receive import Receiver
from immich_drop.room import Room
from immich_drop.settings import Settings
from immich_drop.snapshot import Snapshot
from immich_drop.spool import Spool
from immich_drop.sweep import LOOK, Sweeper
from immich_drop.tasks import Tasks
from immich_drop.upload import State
from immich_drop.webhook import Webhook

log = logging.getLogger(__name__)

GRACE = 5.0
"""Seconds that running chunks and deliveries get at the end."""

IDLE = 60.0
"""Seconds of silence after which a request is given up, in its headers or its body (see `pace`)."""

MINUTE = 60.0

SECRET = "secret"
"""Fact: what signs cookies."""

KNOWN_PER_MINUTE = 6000
REQUESTS_PER_MINUTE = 600
TOLD_PER_MINUTE = 100_000
"""What one address may ask for: checksums, other questions, uploads in the answers to them."""

MAX_CHUNK = 64 * 1024 * 1024
"""Bytes in one request of the page; the strictest proxy we know takes 100 MB."""


class App:
    """One drop."""

    def __init__(self, settings: Settings, *, idle: float = IDLE) -> None:
        clock = time.monotonic
        self._settings = settings
        self._idle = idle
        self._tasks = Tasks()
        self._sockets: set[WebSocketHandler] = set()
        self._db = Db(settings.state_db)
        self._ledger = Ledger(self._db)
        self._book = LinkBook(self._db)
        self._facts = Facts(self._db)
        self._spool = Spool(settings.spool)
        self._locker = Locker()
        self._progress = Progress()
        self._metrics = Metrics()
        self._room = Room(free=self._spool.free, min_free=settings.min_free_disk, clock=clock)
        self._allowance = Allowance(
            open_uploads=settings.limit_open_uploads,
            session_bytes=settings.limit_session_bytes,
            begun=self._spool.ids,
        )
        self._factory = self._make_factory()
        self._destinations = Destinations(
            make=self._factory.make, db=self._db, progress=self._progress, now=_now
        )
        self._accepted = Accepted(immich=self._factory.own.immich, facts=self._facts, clock=clock)
        self._receiver = self._make_receiver()
        self._lifetime = Lifetime(
            db=self._db,
            spool=self._spool,
            locker=self._locker,
            room=self._room,
            expiration=settings.upload_expiration,
            now=_now,
        )
        self._sweeper = Sweeper(
            db=self._db,
            spool=self._spool,
            locker=self._locker,
            receiver=self._receiver,
            lifetime=self._lifetime,
            clock=clock,
            now=_now,
        )
        self._health = Health(
            db=self._db,
            spool=self._spool,
            room=self._room,
            gate=self._factory.own.gate,
            destinations=self._destinations,
            clock=clock,
        )
        self._notifier = self._make_notifier()
        self._metrics.registry.register(self._make_gauges())
        self._server: BoundedServer
        self._clocks: list[asyncio.Task[None]]

    def _make_factory(self) -> DestinationFactory:
        settings = self._settings
        return DestinationFactory(
            base_url=settings.immich_base_url,
            api_key=settings.immich_api_key,
            album_name=settings.immich_album_name,
            fallback=settings.link_revoked == "fallback",
            concurrency=settings.max_concurrent,
            db=self._db,
            ledger=self._ledger,
            book=self._book,
            spool=self._spool,
            progress=self._progress,
            metrics=self._metrics,
            now=_now,
        )

    def _make_receiver(self) -> Receiver:
        return Receiver(
            db=self._db,
            spool=self._spool,
            locker=self._locker,
            room=self._room,
            progress=self._progress,
            metrics=self._metrics,
            max_size=self._settings.max_file_size,
            allowance=self._allowance,
            received=self._destinations.push,
            now=_now,
        )

    def _make_notifier(self) -> Notifier | None:
        settings = self._settings
        if not settings.notify_url:
            return None
        title = settings.drop_title or "Immich Drop"
        return Notifier(
            Webhook(settings.notify_url, title=title, now=_now),
            daily=settings.notify_daily,
            db=self._db,
            book=self._book,
            health=self._health.report,
            now=_now,
        )

    def _make_gauges(self) -> Gauges:
        def oldest() -> float:
            since = self._db.since(State.RECEIVED)
            return max(0.0, (_now() - since).total_seconds()) if since else 0.0

        return Gauges(
            counts=self._db.count,
            oldest=oldest,
            free=self._spool.free,
            immich_up=lambda: self._factory.own.gate.reason is None,
            ready=lambda: self._health.latest,
        )

    def _make_creator(self) -> Creator:
        settings = self._settings
        return Creator(
            db=self._db,
            room=self._room,
            rate=Rate(settings.limit_creations_per_minute, clock=time.monotonic),
            allowance=self._allowance,
            accepts=self._accepted.takes,
            guest_name=settings.guest_name,
            now=_now,
        )

    def _make_entrance(self) -> Entrance:
        settings = self._settings
        own = Link.own(title=settings.drop_title, message=settings.drop_message)
        return Entrance(
            own=own if settings.immich_api_key and self._has_page() else None,
            book=self._book,
            immich=self._factory.immich,
            clock=time.monotonic,
            now=_now,
        )

    def _has_page(self) -> bool:
        """Tell whether guests may come in at `/`; where they could not before, the host decides."""
        settings = self._settings
        if not settings.drop_page or "DROP_PAGE" in settings.written:
            return settings.drop_page
        if not predecessor.was_here(self._db.read):
            return True
        log.warning(
            "The page at / stays closed, as the older immich-drop had it by default: write"
            " DROP_PAGE=on to open it, or DROP_PAGE=off"
        )
        return False

    def _make_known(self) -> Known:
        return Known(
            scope=self._settings.precheck,
            has_album=bool(self._settings.immich_album_name),
            db=self._db,
            ledger=self._ledger,
            destinations=self._destinations,
            rate=Rate(KNOWN_PER_MINUTE, clock=time.monotonic),
        )

    def _make_snapshot(self) -> Snapshot:
        return Snapshot(
            db=self._db,
            receiver=self._receiver,
            destinations=self._destinations,
            rate=Rate(TOLD_PER_MINUTE, clock=time.monotonic),
        )

    def _make_parts(self) -> Parts:
        settings = self._settings
        forwarded = Forwarded(
            trusted=settings.trusted_proxies,
            public_url=settings.public_url,
            base_path=settings.base_path,
        )
        return Parts(
            forwarded=forwarded,
            entrance=self._make_entrance(),
            creator=self._make_creator(),
            receiver=self._receiver,
            lifetime=self._lifetime,
            destinations=self._destinations,
            known=self._make_known(),
            snapshot=self._make_snapshot(),
            progress=self._progress,
            health=self._health,
            metrics=self._metrics if settings.metrics else None,
            buffers=Buffers(),
            requests=Rate(REQUESTS_PER_MINUTE, clock=time.monotonic),
            sockets=self._sockets,
            spawn=self._tasks.spawn,
            config={
                "guestName": settings.guest_name,
                "maxFileSize": settings.max_file_size,
                "maxChunk": MAX_CHUNK,
                "precheck": settings.precheck != "off",
            },
            extensions=lambda: self._accepted.extensions,
            max_size=settings.max_file_size,
            idle=self._idle,
        )

    async def start(self) -> str:
        """Open everything, mend what a crash left, listen; gives the address to open.

        Raises Unavailable (database), OSError (spool, port): nothing runs then.
        """
        settings = self._settings
        if not settings.immich_base_url.endswith("/api"):
            log.warning("IMMICH_BASE_URL does not end in /api, as Immich's own address does")
        if not settings.immich_api_key:
            log.warning("IMMICH_API_KEY is not set: guests come in by shared links only")
        if settings.precheck == "library" and settings.immich_album_name:
            log.warning("PRECHECK=library does as drop does: what is not sent joins no album")
        self._db.open()
        self._spool.prepare(expected=bool(self._db.unsettled()))
        self._spool.claim()
        self._accepted.load()
        if self._notifier is not None:
            await self._notifier.start()
        await self._sweeper.clear()
        sockets = listen(settings.host, settings.port)
        parts = self._make_parts()
        self._server = BoundedServer(
            make_application(
                parts, base_path=settings.base_path, secret=await self._remember_secret()
            ),
            most=settings.limit_connections,
            exempt=parts.forwarded.trusts,
            subscriber=subscriber,
            headers=HEADERS,
            idle=self._idle,
        )
        self._server.add_sockets(sockets)
        self._destinations.start()
        self._start_clocks()
        return _address(settings, sockets[0].getsockname()[1])

    def _start_clocks(self) -> None:
        expiration = self._settings.upload_expiration.total_seconds()
        own = self._factory.own
        has_key = bool(self._settings.immich_api_key)
        pulse = Pulse(immich=own.immich, gate=own.gate, idle=own.forwarder.idle, has_key=has_key)
        jobs = [
            every(MINUTE, self._accepted.refresh),
            every(min(LOOK, expiration), self._sweeper.expire),
            every(MINUTE, self._destinations.rescan),
            every(MINUTE, pulse.check),
            watch_loop(self._metrics),
        ]
        if self._notifier is not None:
            jobs.append(every(MINUTE, self._notifier.send_due))
        self._clocks = [asyncio.create_task(job) for job in jobs]

    async def _remember_secret(self) -> str:
        """Return the secret that signs what a guest's browser keeps; it survives a restart."""
        secret = self._facts.recall(SECRET)
        if secret is None:
            secret = token_urlsafe(32)
            await self._facts.remember(SECRET, secret)
        return secret

    async def stop(self) -> None:
        """Stop listening, let what runs end for GRACE seconds, close: no recovery is needed."""
        self._server.stop()
        for clock in self._clocks:
            clock.cancel()
        await asyncio.gather(self._destinations.stop(GRACE), self._locker.close(GRACE))
        for handler in list(self._sockets):
            handler.close(GOING_AWAY, "restarting")
        await self._tasks.drain(GRACE)
        await self._server.close_all_connections()
        self._spool.close()
        self._db.close()
        self._destinations.close()
        self._factory.close()
        if self._notifier is not None:
            self._notifier.close()


def _now() -> datetime:
    return datetime.now(UTC)


def _address(settings: Settings, port: int) -> str:
    if settings.public_url:
        return f"{settings.public_url}/"
    host = "localhost" if settings.host in ("0.0.0.0", "::", "") else settings.host
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}{settings.base_path}/"
