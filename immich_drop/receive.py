"""Browser -> spool: the first half of the journey.

`begin` opens an upload for one chunk and returns a `Reception`, whose `write` takes the bytes; then
either `finish` (the body is complete) or `abandon` (it is not, but what came is kept). Requests for
the same upload at the same time are dealt with here and in `locker`, nowhere else.
"""

import hashlib
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime

from immich_drop.allowance import Allowance
from immich_drop.db import Db
from immich_drop.errors import (
    BadRequest,
    ChecksumMismatch,
    DiskFull,
    NotFound,
    OffsetConflict,
    TooLarge,
    Unavailable,
)
from immich_drop.locker import Locker
from immich_drop.metrics import Metrics
from immich_drop.progress import Progress
from immich_drop.reception import Reception
from immich_drop.room import Room
from immich_drop.spool import Spool
from immich_drop.spool_file import SpoolFile
from immich_drop.tus import Chunk
from immich_drop.upload import Checksum, State, Upload

log = logging.getLogger(__name__)


class Receiver:
    """Receives uploads, chunk by chunk."""

    def __init__(
        self,
        *,
        db: Db,
        spool: Spool,
        locker: Locker,
        room: Room,
        progress: Progress,
        metrics: Metrics,
        max_size: int,
        allowance: Allowance,
        received: Callable[[Upload], None],
        now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._spool = spool
        self._locker = locker
        self._room = room
        self._progress = progress
        self._metrics = metrics
        self._max_size = max_size
        self._allowance = allowance
        self._received = received
        self._now = now
        self._underway: dict[str, Reception] = {}

    async def begin(
        self, upload_id: str, chunk: Chunk, *, size: int | None, evict: Callable[[], None]
    ) -> Reception:
        """Open an upload for a chunk of `size` bytes (None: not announced).

        Another request that writes to it is evicted first; `evict` is called when a newer request
        wants to take over from this one. Raises BadRequest, NotFound, OffsetConflict, TooLarge,
        StateConflict, ChecksumMismatch, SessionFull, DiskFull, Superseded, Unavailable.
        """
        self._refuse_late(upload_id, chunk)
        async with AsyncExitStack() as held:
            await held.enter_async_context(self._locker.enter(upload_id, evict))
            upload = await self._recover(upload_id)
            file = None
            if upload.state is State.RECEIVING:
                file = await self._spool.open(upload_id)
                held.push_async_callback(file.close)
            reception = Reception(upload, file, held, room=self._room, max_size=self._max_size)
            if chunk.offset != reception.offset:
                raise OffsetConflict(f"at {reception.offset}, not {chunk.offset}")
            reception.upload = await self._declare_length(upload, chunk, size or 0)
            self._make_room(reception, size)
            if chunk.checksum is not None:
                await self._expect(reception, chunk.checksum)
            self._underway[upload_id] = reception
            held.callback(self._underway.pop, upload_id)
            reception.held = held.pop_all()
            return reception

    async def finish(self, reception: Reception) -> Upload:
        """End a chunk that is complete; if the upload is too, make it `received`.

        Raises StateConflict, DiskFull, Unavailable, and ChecksumMismatch: if the chunk's checksum
        is wrong, the offset is what it was before the chunk; if the whole file's is wrong, the
        offset is 0.
        """
        async with reception.held:
            await reception.end()
            if reception.file is None:
                return reception.upload
            self._metrics.bytes_received.inc(reception.brought)
            try:
                reception.file.verify_chunk()
            except ChecksumMismatch:
                await self._undo(reception, reception.file)
                raise
            return await self._keep(reception.upload, reception.file)

    async def abandon(self, reception: Reception, *, refused: bool = False) -> None:
        """End a chunk that was cut off; its bytes are kept, unless it has a checksum to verify.

        With `refused` (the chunk had more bytes than the upload lacks) none of them are kept.
        Raises ChecksumMismatch, StateConflict, DiskFull, Unavailable.
        """
        async with reception.held:
            await reception.end()
            if reception.file is None:
                return
            self._metrics.bytes_received.inc(reception.brought)
            if refused or reception.file.unverified:
                await self._undo(reception, reception.file)
            else:
                await self._keep(reception.upload, reception.file)

    async def inspect(self, upload_id: str) -> tuple[Upload, int]:
        """Return an upload and its offset, which no older request can change any more.

        Raises NotFound, Superseded, DiskFull, Unavailable.
        """
        async with self._locker.enter(upload_id):
            upload = await self._recover(upload_id)
        if upload.state is State.RECEIVING and self.offset(upload) == upload.length:
            # We died, or the database failed, after the last byte but before `received`. A client
            # takes an offset at the end as a promise that we have the file: first make that true.
            try:
                await self._complete(upload)
            except ChecksumMismatch as error:
                log.warning("%s", error)
            upload = self._look_up(upload_id)
        return upload, self.offset(upload)

    def offset(self, upload: Upload) -> int:
        """Tell how many bytes of an upload are here. Raises Unavailable."""
        if upload.state is State.RECEIVING:
            return self._spool.offset(upload.id)
        return upload.length or 0

    async def _complete(self, upload: Upload) -> Upload:
        """Make an upload `received` whose bytes are all here. Raises as `begin` and `finish`."""
        nothing = Chunk(offset=upload.length or 0, length=None, checksum=None)
        reception = await self.begin(upload.id, nothing, size=0, evict=lambda: None)
        return await self.finish(reception)

    def _look_up(self, upload_id: str) -> Upload:
        upload = self._db.get(upload_id)
        if upload is None:
            raise NotFound(upload_id)
        return upload

    async def _recover(self, upload_id: str) -> Upload:
        """Look an upload up; cut off bytes whose checksum was to be verified when we died."""
        upload = self._look_up(upload_id)
        if upload.state is not State.RECEIVING or upload.proven is None:
            return upload
        if self._spool.offset(upload_id) > upload.proven:
            await self._spool.truncate(upload_id, upload.proven)
        return await self._db.change(upload, proven=None)

    async def _declare_length(self, upload: Upload, chunk: Chunk, size: int) -> Upload:
        length = chunk.length
        if length is None or length == upload.length:
            return upload
        if upload.length is not None:
            raise BadRequest(f"length is {upload.length}, not {length}")
        if chunk.offset + size > length:
            raise TooLarge(f"{size} bytes at {chunk.offset} of {length}")
        return await self._db.change(upload, length=length, also=self._allowance.bytes_of(upload))

    def _refuse_late(self, upload_id: str, chunk: Chunk) -> None:
        """Refuse a chunk at an offset that is passed already, before it evicts another request."""
        reception = self._underway.get(upload_id)
        if reception and chunk.offset < reception.secured:
            raise OffsetConflict(f"at {reception.secured} or further, not {chunk.offset}")

    def _make_room(self, reception: Reception, size: int | None) -> None:
        """Refuse a chunk that is too large; reserve disk space for what is still to come."""
        if size is not None and size > reception.fits:
            raise TooLarge(f"{size} bytes where {reception.fits} fit")
        if reception.fits:
            open_end = reception.upload.length is None
            self._room.reserve(reception.upload.id, size or 0 if open_end else reception.fits)

    async def _expect(self, reception: Reception, checksum: Checksum) -> None:
        """Have a chunk verified once it is complete; that of a complete upload can only be empty.

        Raises ChecksumMismatch.
        """
        if reception.file is not None:
            proven = reception.file.offset
            reception.upload = await self._db.change(reception.upload, proven=proven)
            reception.file.expect(checksum)
        elif checksum.digest != hashlib.new(checksum.algorithm, usedforsecurity=False).digest():
            raise ChecksumMismatch("of no bytes")

    async def _keep(self, upload: Upload, file: SpoolFile) -> Upload:
        if file.spoiled:
            return await self._db.change(upload, proven=0)
        if file.offset == upload.length:
            return await self._acknowledge(upload, file)
        if upload.proven is not None:
            upload = await self._db.change(upload, proven=None)
        self._progress.publish(upload, offset=file.offset)
        return upload

    async def _acknowledge(self, upload: Upload, file: SpoolFile) -> Upload:
        """Verify and sync; then, and only then, say "received"."""
        checksum = await file.checksum()
        if upload.declared not in (None, checksum):
            await file.start_over()
            await self._db.change(upload, proven=None)
            raise ChecksumMismatch(f"{upload.id}: the file does not have the announced SHA-1")
        try:
            await file.sync()
        except (DiskFull, Unavailable):
            if file.spoiled:
                await self._db.change(upload, proven=0)
            raise
        upload = await self._db.move(
            upload, State.RECEIVED, checksum=checksum, proven=None, updated_at=self._now()
        )
        self._spool.forget(upload.id)
        self._room.release(upload.id)
        log.info("upload=%s received length=%s", upload.id, upload.length)
        self._progress.publish(upload)
        self._received(upload)
        return upload

    async def _undo(self, reception: Reception, file: SpoolFile) -> None:
        """Drop a chunk, and the length it told."""
        await file.rollback()
        await self._db.change(reception.upload, length=reception.known_length, proven=None)
