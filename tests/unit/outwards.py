"""All destinations, put together as the drop does it, before a stand-in with shared links."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from immich_drop.db import Db
from immich_drop.destination import Destinations
from immich_drop.destination_factory import DestinationFactory
from immich_drop.immich import ShareKey
from immich_drop.ledger import Ledger
from immich_drop.link import LinkBook
from immich_drop.metrics import Metrics
from immich_drop.progress import Progress
from immich_drop.spool import Spool
from immich_drop.standin import Link, StandIn
from immich_drop.upload import OWN, State, Upload
from unit.make import row_when, sha1, upload


@dataclass(slots=True, kw_only=True)
class Outwards:
    """Everything between `received` and the libraries of several people."""

    db: Db
    ledger: Ledger
    book: LinkBook
    spool: Spool
    standin: StandIn
    factory: DestinationFactory
    destinations: Destinations

    async def share(self, album: str, **options: Any) -> Link:
        """Make a link that a guest has come by."""
        link = self.standin.make_link(album=album, **options)
        immich = self.factory.immich(ShareKey(link.key))
        await self.book.remember(await immich.shared_link(), password=None)
        immich.close()
        return link

    def change(self, link: Link, **fields: object) -> None:
        """Do what the host may do in Immich's own page."""
        for name, value in fields.items():
            setattr(link, name, value)
        self.standin.library.save(link)

    async def receive(self, data: bytes, link: str = OWN, **changes: object) -> Upload:
        """Lay down an upload that was just received, without a word to anybody."""
        fields: dict[str, object] = {"length": len(data), "link": link}
        fields |= {"state": State.RECEIVED, "checksum": sha1(data)}
        made = await self.db.add(upload(**(fields | changes)))
        self.spool.path(made.id).write_bytes(data)
        return made

    async def bring(self, data: bytes, link: str = OWN, **changes: object) -> Upload:
        """Receive an upload and hand it on."""
        made = await self.receive(data, link, **changes)
        self.destinations.push(made)
        return made

    async def until(self, made: Upload, wanted: Callable[[Upload], bool]) -> Upload:
        """Wait until an upload's row is as wanted."""
        return await row_when(self.db, made.id, wanted)

    async def settled(self, made: Upload) -> Upload:
        return await self.until(made, lambda row: row.asset_id is not None)

    async def waiting(self, made: Upload, code: str) -> Upload:
        return await self.until(made, lambda row: row.code == code)

    def inside(self, album: str) -> list[str]:
        """Return the names of what is in an album."""
        names = {asset.id: asset.name for asset in self.standin.assets}
        return [names[asset] for asset in self.standin.album(album).assets]


@asynccontextmanager
async def outwards(
    folder: Path,
    *,
    api_key: str | None = None,
    album: str = "",
    fallback: bool = False,
    concurrency: int = 3,
    standin: StandIn | None = None,
) -> AsyncIterator[Outwards]:
    """Open all destinations on a folder; another time may follow on the same."""
    ours = standin is None
    if standin is None:
        standin = StandIn(folder / "immich", job_delay=None)
        await standin.start()
    db, spool, progress = Db(folder / "db"), Spool(folder / "spool"), Progress()
    db.open()
    ledger, book = Ledger(db), LinkBook(db)
    spool.prepare()
    factory = DestinationFactory(
        base_url=standin.url,
        api_key=standin.key if api_key is None else api_key,
        album_name=album,
        fallback=fallback,
        concurrency=concurrency,
        db=db,
        ledger=ledger,
        book=book,
        spool=spool,
        progress=progress,
        metrics=Metrics(),
        now=now,
    )
    destinations = Destinations(make=factory.make, db=db, progress=progress, now=now)
    destinations.start()
    try:
        yield Outwards(
            db=db,
            ledger=ledger,
            book=book,
            spool=spool,
            standin=standin,
            factory=factory,
            destinations=destinations,
        )
    finally:
        standin.faults.clear()
        await destinations.stop(0)
        destinations.close()
        factory.close()
        if ours:
            await standin.stop()
        spool.close()
        db.close()


def now() -> datetime:
    return datetime.now(UTC)
