"""Cleaning up: repairs after a crash, and deletes what was left behind."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from immich_drop.db import Db
from immich_drop.discard import discard_the_rest
from immich_drop.errors import DropError
from immich_drop.facts import Facts
from immich_drop.lifetime import Lifetime
from immich_drop.locker import Locker
from immich_drop.receive import Receiver
from immich_drop.spool import Spool
from immich_drop.upload import SETTLED, State

log = logging.getLogger(__name__)

LOOKED = "looked-at"
"""Fact: when we last looked for expired uploads."""

LOOK = 600.0
"""Seconds from one look to the next, at most."""

CLOSED = timedelta(seconds=1.5 * LOOK)
"""A longer gap between two looks means that the drop was closed; a shorter one, a restart."""

MEMORY = timedelta(days=30)
"""How long the rows of settled uploads are kept, for the guest's page; the ledger stays."""


class Sweeper:
    """Keeps the spool and the database consistent."""

    def __init__(
        self,
        *,
        db: Db,
        spool: Spool,
        locker: Locker,
        receiver: Receiver,
        lifetime: Lifetime,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._facts = Facts(db)
        self._spool = spool
        self._locker = locker
        self._receiver = receiver
        self._lifetime = lifetime
        self._clock = clock
        self._now = now
        self._looked = clock()

    async def clear(self) -> None:
        """Delete files that are not needed any more: of settled and of deleted uploads.

        Other files without a row are left alone. Call before the first request.
        """
        await self._delete_needless()
        held = self._spool.ids()
        if strangers := held - self._db.unsettled():
            log.warning(
                "the spool holds %d files the database does not know: they are left alone. "
                "Restore the database that knows them, or move them elsewhere.",
                len(strangers),
            )
        whole = self._db.links_of(State.RECEIVED) | self._db.links_of(State.FAILED)
        if missing := whole.keys() - held:
            log.error(
                "the spool lacks %d files that were received: is its disk mounted, is SPOOL_DIR "
                "right? They wait until they are there.",
                len(missing),
            )

    async def _delete_needless(self) -> None:
        """Delete files of settled or deleted uploads, left behind by a crash or a failing disk."""
        await discard_the_rest(db=self._db, spool=self._spool)
        for upload_id in self._spool.ids() - self._db.unsettled():
            if self._db.get(upload_id) is not None:
                await self._spool.delete(upload_id)
                log.info("upload=%s deleted a file that is not needed any more", upload_id)

    async def _complete(self) -> None:
        """Make uploads `received` whose bytes are all here but whose row does not say so yet.

        A crash, or a database that did not answer, came in between.
        """
        for upload in self._db.in_state(State.RECEIVING):
            if self._locker.holds(upload.id):
                continue
            try:
                if self._receiver.offset(upload) == upload.length:
                    await self._receiver.inspect(upload.id)
            except DropError as error:
                log.warning("upload=%s %s", upload.id, error)

    async def expire(self) -> None:
        """Delete unfinished uploads that have expired, and old rows of settled ones.

        First those whose bytes are all here are made `received`, as after a crash. Raises
        Unavailable, and deletes nothing, while the disk is gone.
        """
        self._spool.free()
        await self._complete()
        now = self._now()
        closed = await self._record_look(now)
        for upload in self._db.in_state(State.RECEIVING):
            await asyncio.sleep(0)  # there may be thousands
            if self._locker.holds(upload.id):
                continue
            try:
                await self._lifetime.expire(upload.id, closed=closed)
            except DropError as error:
                log.warning("upload=%s %s", upload.id, error)
        await self._delete_needless()
        await self._db.prune(SETTLED, before=now - MEMORY)

    async def _record_look(self, now: datetime) -> timedelta:
        """Note this look in the database; return how long the drop was closed since the last one.

        That is wall-clock time which did not pass for this process: the drop was off, the machine
        slept, or the clock was set, as on a board without a battery that boots in 1970.
        """
        before, clock = self._facts.recall(LOOKED), self._clock()
        watched, self._looked = timedelta(seconds=clock - self._looked), clock
        await self._facts.remember(LOOKED, now.isoformat())
        closed = now - datetime.fromisoformat(before) - watched if before else timedelta()
        if closed <= CLOSED:
            return timedelta()
        log.info("%s passed unwatched: unfinished uploads expire that much later", closed)
        return closed
