"""The receiving half, put together as the drop does it, on real files and a real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from immich_drop.allowance import Allowance
from immich_drop.create import Creator
from immich_drop.db import Db
from immich_drop.lifetime import Lifetime
from immich_drop.limits import Rate
from immich_drop.locker import Locker
from immich_drop.metrics import Metrics
from immich_drop.progress import Progress
from immich_drop.receive import Receiver
from immich_drop.room import Room
from immich_drop.spool import Spool
from immich_drop.sweep import Sweeper
from immich_drop.tus import Chunk, Creation, Metadata
from immich_drop.upload import OWN, Upload
from unit.make import UNLIMITED, Clock

ADDRESS = "192.0.2.1"
MAX_SIZE = 1000


def creation(length: int | None = 10, **metadata: object) -> Creation:
    """Ask for an upload of photo.jpg."""
    about = replace(Metadata(name="photo.jpg"), **metadata)  # type: ignore[arg-type]
    return Creation(length=length, metadata=about, with_upload=False, checksum=None)


def chunk(offset: int = 0, **more: object) -> Chunk:
    return replace(Chunk(offset=offset, length=None, checksum=None), **more)  # type: ignore[arg-type]


@dataclass(slots=True, kw_only=True)
class Half:
    """Everything between a guest and `received`."""

    db: Db
    spool: Spool
    locker: Locker
    room: Room
    creator: Creator
    receiver: Receiver
    lifetime: Lifetime
    sweeper: Sweeper
    clock: Clock
    progress: Progress
    received: list[Upload] = field(default_factory=list)
    disk: list[int] = field(default_factory=lambda: [10**9])
    """What is free, as the last element says."""

    async def create(self, length: int | None = 10, **metadata: object) -> Upload:
        asked = creation(length, **metadata)
        found = self.creator.find(asked)
        return found or await self.creator.create(asked, link=OWN, address=ADDRESS)

    async def bring(self, upload_id: str, data: bytes, offset: int = 0, **more: object) -> Upload:
        """Bring one chunk that comes whole."""
        reception = await self.receiver.begin(
            upload_id, chunk(offset, **more), size=len(data), evict=lambda: None
        )
        if data:
            await reception.write(data)
        return await self.receiver.finish(reception)


@asynccontextmanager
async def half(
    folder: Path,
    *,
    rate: int = 0,
    allowance: Allowance = UNLIMITED,
    clock: Clock | None = None,
    guest_name: str = "off",
    max_size: int = MAX_SIZE,
) -> AsyncIterator[Half]:
    """Open a receiving half on a folder; another one may follow on the same."""
    clock, disk, received = clock or Clock(), [10**9], list[Upload]()
    db, spool, locker, progress = Db(folder / "db"), Spool(folder / "spool"), Locker(), Progress()
    db.open()
    spool.prepare()
    room = Room(free=lambda: disk[-1], min_free=0, clock=clock)
    receiver = Receiver(
        db=db,
        spool=spool,
        locker=locker,
        room=room,
        progress=progress,
        metrics=Metrics(),
        max_size=max_size,
        allowance=allowance,
        received=received.append,
        now=clock.now,
    )
    lifetime = Lifetime(
        db=db,
        spool=spool,
        locker=locker,
        room=room,
        expiration=timedelta(hours=48),
        now=clock.now,
    )
    creator = Creator(
        db=db,
        room=room,
        rate=Rate(rate, clock=clock),
        allowance=allowance,
        accepts=lambda extension: extension == ".jpg",
        guest_name=guest_name,
        now=clock.now,
    )
    sweeper = Sweeper(
        db=db,
        spool=spool,
        locker=locker,
        receiver=receiver,
        lifetime=lifetime,
        clock=clock,
        now=clock.now,
    )
    await sweeper.clear()
    try:
        yield Half(
            db=db,
            spool=spool,
            locker=locker,
            room=room,
            creator=creator,
            receiver=receiver,
            lifetime=lifetime,
            sweeper=sweeper,
            clock=clock,
            progress=progress,
            received=received,
            disk=disk,
        )
    finally:
        spool.close()
        db.close()


async def settled(task: "asyncio.Task[object]") -> BaseException | None:
    """Wait for a task and tell what it raised."""
    await asyncio.wait([task])
    return task.exception()
