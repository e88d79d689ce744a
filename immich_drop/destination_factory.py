"""Builds the destinations: one for the host's own library, and one for each link."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from immich_drop.album import Album, JoinableAlbum, LinkAlbum
from immich_drop.db import Db
from immich_drop.deliver import Courier, ImmichCourier
from immich_drop.destination import Destination
from immich_drop.errors import LinkUnknown
from immich_drop.facts import Facts
from immich_drop.forward import Forwarder
from immich_drop.gate import Gate
from immich_drop.immich import ApiKey, Credential, Immich, ShareKey
from immich_drop.ledger import Ledger
from immich_drop.link import LinkBook
from immich_drop.link_courier import LinkCourier
from immich_drop.metrics import Metrics
from immich_drop.progress import Progress
from immich_drop.spool import Spool
from immich_drop.upload import OWN

SPARE = 2
"""Workers of a destination beyond `concurrency`: they ask Immich about the next files while others
are sent.

Few, since a file that a worker has taken goes before those of a guest who comes later.
"""


class DestinationFactory:
    """Builds destinations, which together send `concurrency` uploads at a time."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        album_name: str,
        fallback: bool,
        concurrency: int,
        db: Db,
        ledger: Ledger,
        book: LinkBook,
        spool: Spool,
        progress: Progress,
        metrics: Metrics,
        now: Callable[[], datetime],
    ) -> None:
        self._base_url = base_url
        self._fallback = fallback
        """What came by a link that was closed goes into the host's own library."""
        self._workers = concurrency + SPARE
        self._slots = asyncio.Semaphore(concurrency)
        self._senders = ThreadPoolExecutor(concurrency, thread_name_prefix="sender")
        self._db = db
        self._spool = spool
        self._progress = progress
        self._metrics = metrics
        self._now = now
        self._ledger = ledger
        self._book = book
        immich = self.immich(ApiKey(api_key))
        album = Album(album_name, immich=immich, facts=Facts(db)) if album_name else None
        self._courier = self._make_courier(immich, album)
        self.own = self._make_destination(immich, self._courier)

    def immich(self, credential: Credential) -> Immich:
        """Make a client of Immich that uses a credential. Whoever asks for it closes it."""
        return Immich(
            base_url=self._base_url,
            credential=credential,
            max_connections=self._workers,
            senders=self._senders,
        )

    def close(self) -> None:
        """End the threads that sent."""
        self._senders.shutdown()

    def make(self, link_id: str) -> Destination:
        """Build the destination of a link; for OWN return the one there is. Raises LinkUnknown."""
        if link_id == OWN:
            return self.own
        link = self._book.get(link_id)
        if link is None:
            raise LinkUnknown(link_id)
        immich = self.immich(ShareKey(link.key))
        album = LinkAlbum(link.album_id, immich=immich) if link.album_id else None
        courier = LinkCourier(
            self._make_courier(immich, album),
            instead=self._courier if self._fallback else None,
            book=self._book,
        )
        return self._make_destination(immich, courier)

    def _make_courier(self, immich: Immich, album: JoinableAlbum | None) -> ImmichCourier:
        return ImmichCourier(
            immich=immich, album=album, ledger=self._ledger, spool=self._spool, slots=self._slots
        )

    def _make_destination(self, immich: Immich, courier: Courier) -> Destination:
        gate = Gate(clock=time.monotonic)
        forwarder = Forwarder(
            courier=courier,
            gate=gate,
            db=self._db,
            ledger=self._ledger,
            spool=self._spool,
            progress=self._progress,
            metrics=self._metrics,
            workers=self._workers,
            clock=time.monotonic,
            now=self._now,
        )
        return Destination(immich=immich, gate=gate, forwarder=forwarder)
