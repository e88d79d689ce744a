"""One chunk on its way from a guest to the disk."""

import asyncio
from contextlib import AsyncExitStack

from immich_drop.errors import Superseded, TooLarge
from immich_drop.room import Room
from immich_drop.spool_file import SpoolFile
from immich_drop.upload import Upload


class Reception:
    """One chunk on its way to the disk. Only a Receiver makes and ends it."""

    def __init__(
        self,
        upload: Upload,
        file: SpoolFile | None,
        held: AsyncExitStack,
        *,
        room: Room,
        max_size: int,
    ) -> None:
        self.upload = upload
        self.file = file
        """None when the upload has all its bytes: then there is nothing left to write."""
        self.held = held
        """Releases the lock and closes the file."""
        self.known_length = upload.length
        """The length before this chunk, which may tell one."""
        self.read = 0
        """Bytes that came with this chunk, on disk or on their way there."""
        self._room = room
        self._max_size = max_size
        self._writing = asyncio.Lock()
        self._over = False
        self._start = self.offset

    @property
    def offset(self) -> int:
        """Bytes of the upload that are here."""
        return self.file.offset if self.file else self.upload.length or 0

    @property
    def brought(self) -> int:
        """Bytes that came with this chunk, and are here."""
        return max(0, self.offset - self._start)  # after a failed fsync the file starts over

    @property
    def secured(self) -> int:
        """The least offset the upload will have, whatever the guest does, if our disk is sound."""
        unverified = self.file is not None and self.file.unverified
        return self._start if unverified else self._start + self.read

    @property
    def fits(self) -> int:
        """Bytes that may still come, up to the upload's length, or `max_size` if it is unknown."""
        length = self.upload.length
        return (self._max_size if length is None else length) - self.offset

    async def write(self, data: bytes | memoryview) -> None:
        """Put bytes on disk and into the hash, in the order of the calls.

        Raises TooLarge, DiskFull, Unavailable, and Superseded once the reception is over.
        """
        async with self._writing:
            if self._over:
                raise Superseded("late bytes")
            if self.file is None or len(data) > self.fits:
                raise TooLarge(f"{len(data)} bytes where {self.fits} fit")
            self._room.take(self.upload.id, len(data))
            last = self.upload.length == self.offset + len(data)
            await self.file.append(data, last=last)

    async def end(self) -> None:
        """Take no more bytes; return when those taken are on disk."""
        async with self._writing:
            self._over = True
