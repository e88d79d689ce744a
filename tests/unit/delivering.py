"""The delivering half, put together as the drop does it, before a stand-in of Immich."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.wait import eventually

from immich_drop.album import Album
from immich_drop.db import Db
from immich_drop.deliver import ImmichCourier
from immich_drop.destination import Destination, Destinations
from immich_drop.destination_factory import SPARE
from immich_drop.facts import Facts
from immich_drop.forward import Forwarder
from immich_drop.gate import Gate
from immich_drop.immich import ApiKey, Immich, Patience
from immich_drop.ledger import Ledger
from immich_drop.metrics import Metrics
from immich_drop.progress import Event, Progress
from immich_drop.spool import Spool
from immich_drop.standin import StandIn
from immich_drop.upload import State, Upload
from unit.make import Clock, row_when, sha1, upload

SESSION = "s" * 22
ALBUM = "Wedding"


@dataclass(slots=True, kw_only=True)
class Half:
    """Everything between `received` and Immich."""

    db: Db
    ledger: Ledger
    spool: Spool
    standin: StandIn
    immich: Immich
    courier: ImmichCourier
    forwarder: Forwarder
    destinations: Destinations
    gate: Gate
    clock: Clock
    events: list[Event]
    progress: Progress
    metrics: Metrics

    async def receive(self, data: bytes, **changes: object) -> Upload:
        """Lay down an upload that was just received, without telling the forwarder."""
        fields: dict[str, object] = {"session": SESSION, "length": len(data)}
        fields |= {"state": State.RECEIVED, "checksum": sha1(data)}
        made = await self.db.add(upload(**(fields | changes)))
        self.spool.path(made.id).write_bytes(data)
        return made

    async def bring(self, data: bytes, **changes: object) -> Upload:
        """Receive an upload and hand it on."""
        made = await self.receive(data, **changes)
        self.forwarder.push(made)
        return made

    async def until(self, upload_id: str, wanted: Callable[[Upload], bool]) -> Upload:
        """Wait until an upload's row is as wanted."""
        return await row_when(self.db, upload_id, wanted)

    async def settled(self, upload_id: str) -> Upload:
        """Wait until Immich has an upload and our bytes are gone."""
        row = await self.until(upload_id, lambda row: row.asset_id is not None)
        await eventually(lambda: not self.spool.path(upload_id).exists())
        return row


@asynccontextmanager
async def half(
    folder: Path,
    *,
    album: bool = False,
    concurrency: int = 3,
    version: tuple[int, int, int] = (2, 7, 5),
    permissions: tuple[str, ...] = ("all",),
    standin: StandIn | None = None,
) -> AsyncIterator[Half]:
    """Open a delivering half on a folder, with workers running; another one may follow."""
    ours = standin is None
    if standin is None:
        standin = StandIn(
            folder / "immich", version=version, permissions=permissions, job_delay=None
        )
        await standin.start()
    clock, progress, events = Clock(), Progress(), list[Event]()
    db, spool, gate = Db(folder / "db"), Spool(folder / "spool"), Gate(clock=clock)
    db.open()
    spool.prepare()
    ledger = Ledger(db)
    immich = Immich(
        base_url=standin.url,
        credential=ApiKey(standin.key),
        max_connections=5,
        patience=Patience(connect=2, idle=2, answer=2),
    )
    courier = ImmichCourier(
        immich=immich,
        album=Album(ALBUM, immich=immich, facts=Facts(db)) if album else None,
        ledger=ledger,
        spool=spool,
        slots=asyncio.Semaphore(concurrency),
    )
    metrics = Metrics()
    forwarder = Forwarder(
        courier=courier,
        gate=gate,
        db=db,
        ledger=ledger,
        spool=spool,
        progress=progress,
        metrics=metrics,
        workers=concurrency + SPARE,
        clock=clock,
        now=clock.now,
    )
    destinations = Destinations(
        make=lambda link: Destination(immich=immich, gate=gate, forwarder=forwarder),
        db=db,
        progress=progress,
        now=clock.now,
    )
    watcher = progress.watch(SESSION)

    async def listen() -> None:
        while True:
            events.extend(await watcher.take())

    listening = asyncio.create_task(listen())
    destinations.start()
    try:
        yield Half(
            db=db,
            ledger=ledger,
            spool=spool,
            standin=standin,
            immich=immich,
            courier=courier,
            forwarder=forwarder,
            destinations=destinations,
            gate=gate,
            clock=clock,
            events=events,
            progress=progress,
            metrics=metrics,
        )
    finally:
        standin.faults.clear()
        await forwarder.stop(0)
        gate.stop()
        listening.cancel()
        immich.close()
        if ours:
            await standin.stop()
        spool.close()
        db.close()
