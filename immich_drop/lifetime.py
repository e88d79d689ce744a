"""How an upload ends that does not reach Immich: its guest gives it up, or leaves it behind.

Termination and expiration, as tus 1.0.0 has them.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from immich_drop.db import Db
from immich_drop.discard import discard
from immich_drop.errors import NotFound, StateConflict
from immich_drop.locker import Locker
from immich_drop.room import Room
from immich_drop.spool import Spool
from immich_drop.upload import State, Upload

log = logging.getLogger(__name__)


class Lifetime:
    """Ends uploads, and tells when they will end."""

    def __init__(
        self,
        *,
        db: Db,
        spool: Spool,
        locker: Locker,
        room: Room,
        expiration: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._spool = spool
        self._locker = locker
        self._room = room
        self._expiration = expiration
        self._now = now

    async def terminate(self, upload_id: str) -> None:
        """Delete an unfinished or a failed upload.

        One that is on its way to Immich cannot be deleted. Raises NotFound, StateConflict,
        Superseded, Unavailable.
        """
        async with self._locker.enter(upload_id):
            upload = self._db.get(upload_id)
            if upload is None:
                raise NotFound(upload_id)
            if upload.state not in (State.RECEIVING, State.FAILED):
                raise StateConflict(f"{upload_id} is {upload.state}")
            await self._delete(upload)
        log.info("upload=%s terminated", upload_id)

    async def expire(self, upload_id: str, *, closed: timedelta) -> None:
        """Delete an unfinished upload if it has expired; checked once nobody else writes to it.

        The time for which the drop was `closed` does not count, as no guest could send anything: it
        is added to the date of the spool file. Raises StateConflict, Superseded, Unavailable.
        """
        async with self._locker.enter(upload_id):
            upload = self._db.get(upload_id)
            if upload is None or upload.state is not State.RECEIVING:
                return
            heard, now = self._heard(upload), self._now()
            counts = min(heard + closed, now)
            if counts != heard:
                await self._spool.touch(upload_id, counts)
            if counts + self._expiration < now:
                await self._delete(upload)
                log.info("upload=%s expired", upload_id)

    def expires(self, upload: Upload) -> datetime | None:
        """Tell when an unfinished upload will be deleted; None for one that is complete.

        The time counts from the last change of the spool file, so new bytes postpone it. Raises
        Unavailable.
        """
        return self._heard(upload) + self._expiration if upload.state is State.RECEIVING else None

    def _heard(self, upload: Upload) -> datetime:
        """Tell when bytes of an unfinished upload came last."""
        return self._spool.touched(upload.id) or upload.created_at

    async def _delete(self, upload: Upload) -> None:
        await discard(upload, db=self._db, spool=self._spool)
        self._room.release(upload.id)
