"""What nobody asks for: mending after a crash, forgetting what was left lying."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from immich_drop.db import Db
from immich_drop.errors import DropError
from immich_drop.locker import Locker
from immich_drop.receive import Receiver
from immich_drop.spool import Spool
from immich_drop.upload import SETTLED, State

log = logging.getLogger(__name__)

MEMORY = timedelta(days=30)
"""How long a guest's page can still show what became of a file. The ledger remembers longer."""


class Sweeper:
    """Keeps disk and rows together."""

    def __init__(
        self,
        *,
        db: Db,
        spool: Spool,
        locker: Locker,
        receiver: Receiver,
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._spool = spool
        self._locker = locker
        self._receiver = receiver
        self._now = now

    async def clear(self, *, fresh: bool) -> None:
        """Delete files that no upload needs: of settled ones, and those without a row.

        A `fresh` database knows nobody's files, so then none is deleted: somebody may have
        removed the database by mistake. Call before the first request.
        """
        rows = [row for state in State if state not in SETTLED for row in self._db.in_state(state)]
        strays = self._spool.ids() - {upload.id for upload in rows}
        if strays and fresh:
            log.warning(
                "the database is new, but the spool holds %d files: they are left alone. "
                "Put the old database back, or delete them.",
                len(strays),
            )
            return
        for upload_id in strays:
            await self._spool.delete(upload_id)
        if strays:
            log.info("deleted %d files that no upload needs", len(strays))

    async def promise(self) -> None:
        """Make uploads `received` that we died on between their last byte and saying so."""
        for upload in self._db.in_state(State.RECEIVING):
            if upload.proven is None and self._receiver.offset(upload) == upload.length:
                try:
                    await self._receiver.complete(upload)
                except DropError as error:
                    log.warning("upload=%s %s", upload.id, error)

    async def expire(self) -> None:
        """Forget unfinished uploads that were silent for too long, and old settled rows."""
        now = self._now()
        for upload in self._db.in_state(State.RECEIVING):
            expires = self._receiver.expires(upload)
            if expires is not None and expires < now and not self._locker.holds(upload.id):
                await self._receiver.forget(upload.id)
                log.info("upload=%s expired", upload.id)
        for state in SETTLED:
            await self._db.delete(self._db.idle_since(state, now - MEMORY))
