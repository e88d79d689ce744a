"""The first request of an upload: is it allowed, and was the upload created before?"""

import logging
from collections.abc import Callable
from datetime import datetime

from immich_drop.allowance import Allowance
from immich_drop.db import Db
from immich_drop.errors import NameRequired, StateConflict, TypeNotAccepted
from immich_drop.limits import Rate
from immich_drop.names import extension_of
from immich_drop.room import Room
from immich_drop.tus import Creation
from immich_drop.upload import Upload, new_id

log = logging.getLogger(__name__)


class Creator:
    """Creates uploads."""

    def __init__(
        self,
        *,
        db: Db,
        room: Room,
        rate: Rate,
        allowance: Allowance,
        accepts: Callable[[str], bool],
        guest_name: str,
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._room = room
        self._rate = rate
        self._allowance = allowance
        self._accepts = accepts
        self._guest_name = guest_name
        self._now = now

    def find(self, creation: Creation) -> Upload | None:
        """Find the upload that this session created before for the same item.

        A page that did not get our 201 asks again, and must not create a second upload. Raises
        Unavailable, and StateConflict when it was created with another length.
        """
        session, item = creation.metadata.session, creation.metadata.item
        twin = self._db.find_item(session, item) if session and item else None
        if twin and twin.length and creation.length and twin.length != creation.length:
            raise StateConflict(f"{twin.id} has {twin.length} bytes, not {creation.length}")
        return twin

    async def create(self, creation: Creation, *, link: str, address: str) -> Upload:
        """Create an upload, or return the one just created for the same item by another request.

        Raises TypeNotAccepted, NameRequired, RateLimited, TooManyUploads, SessionFull, DiskFull,
        StateConflict, Unavailable.
        """
        extension = extension_of(creation.metadata.name)
        if not self._accepts(extension):
            raise TypeNotAccepted(extension or "no extension")
        if self._guest_name == "required" and creation.metadata.guest is None:
            raise NameRequired
        self._rate.spend(address)
        upload = self._draft(creation, link, address)
        self._room.reserve(upload.id, creation.length or 0)
        added = None
        try:
            added = await self._db.add(upload, also=self._allowance.of(upload))
        finally:
            if added != upload:
                self._room.release(upload.id)
        if added == upload:
            log.info("upload=%s created length=%s", upload.id, upload.length)
        return added

    def _draft(self, creation: Creation, link: str, address: str) -> Upload:
        metadata, now = creation.metadata, self._now()
        return Upload(
            id=new_id(),
            session=metadata.session,
            # The id of an item is unique only within its session.
            item=metadata.item if metadata.session else None,
            address=address,
            name=metadata.name,
            metadata=metadata.raw,
            length=creation.length,
            last_modified=metadata.last_modified,
            declared=metadata.sha1,
            created_at=now,
            updated_at=now,
            link=link,
            guest=None if self._guest_name == "off" else metadata.guest,
        )
