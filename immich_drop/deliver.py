"""One delivery: ask, send, verify, put into the album."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, cast

from immich_drop.album import JoinableAlbum
from immich_drop.capture import sidecar, taken
from immich_drop.disk import explain
from immich_drop.errors import (
    Damaged,
    ImmichInTrash,
    ImmichRefused,
    ImmichTrouble,
    ImmichUnavailable,
    ImmichUnverified,
    SpoolMissing,
)
from immich_drop.immich import Found, Immich
from immich_drop.ledger import Ledger
from immich_drop.spool import Spool
from immich_drop.upload import State, Upload

log = logging.getLogger(__name__)

BLOCK = 2 * 1024 * 1024
"""Bytes that are read, and then sent, at a time: a slow connection has to take this much within the
idle timeout (see `Patience`)."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Immich has the file: as a new asset (`stored`) or as one it had (`duplicate`)."""

    state: State
    asset_id: str
    proven: bool
    """It is clear that the asset holds the bytes."""


@dataclass(slots=True)
class _SharedLock:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Courier(Protocol):
    """Whoever takes received uploads to Immich."""

    def doubt(self, upload_id: str) -> None:
        """Look at the bytes of an upload again before they are sent.

        A crash of the machine, or a person, may have changed the file since we hashed it.
        """

    async def deliver(self, upload: Upload, *, sent: Callable[[int], None]) -> Delivered:
        """Take one upload to Immich; `sent` hears, in a thread, how many of its bytes have left.

        Raises ImmichRefused when Immich will never take it, other ImmichErrors when it may later,
        and Unavailable when our own disk fails.
        """


class ImmichCourier:
    """Takes uploads into the library of the host's account, or into the album of a shared link.

    `slots` bounds how many files all couriers together send at a time. The questions before and
    after are asked outside: meanwhile the next file is sent, and those who ask at the same time
    share a request.
    """

    def __init__(
        self,
        *,
        immich: Immich,
        album: JoinableAlbum | None,
        ledger: Ledger,
        spool: Spool,
        slots: asyncio.Semaphore,
    ) -> None:
        self._immich = immich
        self._album = album
        self._ledger = ledger
        self._spool = spool
        self._slots = slots
        self._underway: dict[bytes, _SharedLock] = {}
        self._doubted: set[str] = set()

    def doubt(self, upload_id: str) -> None:
        """See Courier."""
        self._doubted.add(upload_id)

    async def deliver(self, upload: Upload, *, sent: Callable[[int], None]) -> Delivered:
        """See Courier."""
        checksum = cast(bytes, upload.checksum)  # what was received has one
        async with self._alone(checksum):
            with _refusal_may_pass():
                # Also by a link: an Immich that is down, or has closed it, should say so before it
                # is sent gigabytes.
                found = await self._find(upload.link, checksum)
            if found is None or (self._immich.by_link and _is_to_be_sent(upload)):
                # Only what is sent by a link joins its album, also what Immich had before.
                await self._look_again(upload, checksum)
                delivered = await self._send(upload, checksum, sent)
            else:
                delivered = await self._adopt(upload, checksum, found)
            self._doubted.discard(upload.id)
            if self._album is not None:
                with _refusal_may_pass():
                    await self._album.add(delivered.asset_id)
            if not delivered.proven:
                # A link shows only what is in its album by now.
                await self._prove(upload, checksum, delivered.asset_id)
            return delivered

    async def _find(self, link: str, checksum: bytes) -> Found | None:
        """Ask Immich, which decides; what only our ledger remembers is not there."""
        found = (await self._immich.find([checksum])).get(checksum)
        if found is None and self._ledger.known([checksum], link=link):
            await self._ledger.forget(checksum, link=link)
        return found

    async def _adopt(self, upload: Upload, checksum: bytes, found: Found) -> Delivered:
        """Take an asset that Immich has for this upload, if it really holds the bytes.

        Before 3.1 a failed upload, ours or another program's, can leave a row without its file.
        """
        with _refusal_may_pass():
            if found.trashed:
                await self._restore(upload, checksum, found.asset_id)
        self._refuse_unseen(found)
        await self._prove(upload, checksum, found.asset_id)
        # What we sent before, and got no good answer for, is the one that is there now.
        state = State.STORED if upload.offered else State.DUPLICATE
        return Delivered(state, found.asset_id, proven=True)

    async def _prove(self, upload: Upload, checksum: bytes, asset_id: str) -> None:
        """See that an asset which Immich had before holds the bytes. Raises ImmichUnverified.

        Where nothing can be seen, a checksum that another program brought is believed. One that
        came with our own upload, which failed or whose answer was lost, is not.
        """
        length = upload.length or 0
        with _refusal_may_pass():
            proof = await self._immich.proves(asset_id, checksum=checksum, length=length)
            unseen = proof is None and upload.offered and await self._immich.may_keep_orphans()
        if proof is False:
            raise ImmichUnverified(
                f"asset {asset_id} lies in the locked folder or the trash, is not in the album,"
                " or is a row without its file (only then delete it in Immich for good)"
            )
        if unseen:
            raise ImmichUnverified(
                f"asset {asset_id} may be a row without its file: for us to see it the key needs"
                " asset.read, a link has to show metadata"
            )

    def _refuse_unseen(self, found: Found) -> None:
        """Refuse an asset that may lie in the trash for all we are told. Raises ImmichUnverified.

        By a link that is seen later: it shows only what is not in the trash.
        """
        if found.trashed is None and not self._immich.by_link:
            raise ImmichUnverified(
                f"asset {found.asset_id} may lie in the trash: for us to see it the key needs"
                " asset.read"
            )

    async def _restore(self, upload: Upload, checksum: bytes, asset_id: str) -> None:
        """Take an asset out of the trash, and see that it is out. Raises ImmichInTrash."""
        if await self._immich.restore(asset_id):
            found = await self._find(upload.link, checksum)
            if found is not None and not found.trashed:
                log.info("upload=%s asset %s taken out of the trash", upload.id, asset_id)
                return
        raise ImmichInTrash(
            f"asset {asset_id} lies in Immich's trash: restore it or delete it for good"
        )

    async def _look_again(self, upload: Upload, checksum: bytes) -> None:
        """See that the bytes are there, and, where in doubt, that they are the same.

        Raises SpoolMissing, Damaged, Unavailable.
        """
        held = self._spool.offset(upload.id)
        if held != upload.length:
            raise SpoolMissing(f"the spool holds {held} of {upload.length} bytes")
        if upload.id in self._doubted and await self._spool.checksum(upload.id) != checksum:
            raise Damaged("its SHA-1 is another than when it was received")

    async def _send(
        self, upload: Upload, checksum: bytes, sent: Callable[[int], None]
    ) -> Delivered:
        moment, xmp = await asyncio.to_thread(self._look_into, upload)
        async with self._slots:
            try:
                answer = await self._immich.send(
                    name=upload.name,
                    length=upload.length or 0,
                    taken=moment,
                    checksum=checksum,
                    device_asset_id=upload.id,
                    sidecar=xmp,
                    blocks=self._spool.blocks(upload.id, BLOCK),
                    sent=sent,
                )
            except ImmichUnavailable as error:
                # Immich answered when it was asked. A proxy that gives up on one huge video must
                # not hold up the others; if Immich is really gone, the next one finds out.
                raise ImmichTrouble(str(error)) from error
        with _refusal_may_pass():
            found = await self._find(upload.link, checksum)
        if found is None or found.asset_id != answer.asset_id or found.trashed:
            raise ImmichUnverified(f"asset {answer.asset_id} does not show up with our checksum")
        if not answer.created:
            self._refuse_unseen(found)
        state = State.STORED if answer.created or upload.offered else State.DUPLICATE
        return Delivered(state, answer.asset_id, proven=answer.created)

    def _look_into(self, upload: Upload) -> tuple[datetime, bytes | None]:
        """Return when the file was taken, and the sidecar that names the guest, if there is one.

        Raises Unavailable when the disk does not let us look.
        """
        path = self._spool.path(upload.id)
        try:
            moment = taken(path, last_modified=upload.last_modified, received=upload.created_at)
            return moment, sidecar(path, guest=upload.guest) if upload.guest else None
        except OSError as error:
            raise explain(error) from error

    @asynccontextmanager
    async def _alone(self, checksum: bytes) -> AsyncIterator[None]:
        """Deliver one upload of the same bytes at a time: the next one finds its asset."""
        shared = self._underway.setdefault(checksum, _SharedLock())
        shared.users += 1
        try:
            async with shared.lock:
                yield
        finally:
            shared.users -= 1
            if not shared.users:
                del self._underway[checksum]


def _is_to_be_sent(upload: Upload) -> bool:
    """Tell whether an upload by a link, whose bytes Immich has, is sent or only looked for.

    What did not show up in the album (its twin may lie in the trash) is not sent at each attempt,
    but ever more rarely: after 1, 2, 4, 8 of them.
    """
    return upload.code != ImmichUnverified.code or upload.attempts.bit_count() == 1


@contextmanager
def _refusal_may_pass() -> Iterator[None]:
    """Raise ImmichTrouble in place of ImmichRefused: what is refused here is not the file."""
    try:
        yield
    except ImmichRefused as error:
        raise ImmichTrouble(str(error)) from error
