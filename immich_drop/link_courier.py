"""What happens to an upload whose link was closed before it reached Immich."""

import logging
from collections.abc import Callable

from immich_drop.deliver import Courier, Delivered
from immich_drop.errors import ImmichKeyRejected, LinkRevoked
from immich_drop.link import LinkBook
from immich_drop.upload import Upload

log = logging.getLogger(__name__)


class LinkCourier:
    """Delivers uploads to the album of a link.

    Once the link is closed they wait until it is open again, or, if the host has chosen so, are
    delivered by `instead`, to the host's own library.
    """

    def __init__(self, courier: Courier, *, instead: Courier | None, book: LinkBook) -> None:
        self._courier = courier
        self._instead = instead
        self._book = book

    def doubt(self, upload_id: str) -> None:
        """See Courier."""
        self._courier.doubt(upload_id)

    async def deliver(self, upload: Upload, *, sent: Callable[[int], None]) -> Delivered:
        """See Courier. Raises LinkRevoked."""
        try:
            return await self._courier.deliver(upload, sent=sent)
        except ImmichKeyRejected as error:
            await self._note_end(upload.link)
            if self._instead is None:
                raise LinkRevoked(f"link {upload.link}: {error}") from error
        log.warning("upload=%s link %s is closed, goes to the own library", upload.id, upload.link)
        # Whether it is doubted only the other courier knows.
        self._instead.doubt(upload.id)
        return await self._instead.deliver(upload, sent=sent)

    async def _note_end(self, link_id: str) -> None:
        """Let nobody in any more who would bring what cannot be delivered."""
        link = self._book.get(link_id)
        if link is not None:
            await self._book.close(link)
