"""One chunk on its way from a guest to the disk."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from immich_drop.errors import DropError, Superseded, TooLarge
from immich_drop.inflow import Inflow
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
        self._start = self._end = self.offset
        self._writes = set[asyncio.Task[None]]()
        self._failure: DropError | None = None
        self._over = False

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
        return self._most - self._end

    def write(self, data: bytes | memoryview) -> asyncio.Task[None]:
        """Begin to put bytes on disk and into the hash, in the order of the calls.

        The task raises TooLarge, DiskFull, Unavailable, and Superseded once the reception is over.
        Nothing is written after bytes that were not, and what stopped those is raised again.
        """
        at, self._end = self._end, self._end + len(data)
        return self._begin(self._write(data, at))

    def write_from(self, inflow: Inflow) -> asyncio.Task[None]:
        """Begin to put bytes on disk and into the hash that a thread receives.

        Nothing else may be written until the task ends, which raises as that of `write`.
        """
        return self._begin(self._write_from(inflow, self._end))

    async def settle(self) -> None:
        """Return when nothing is being written, however it went."""
        while self._writes:
            await asyncio.wait(self._writes)

    async def end(self) -> None:
        """Take no more bytes; return when those taken are on disk."""
        self._over = True
        await self.settle()

    def _begin(self, writing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(writing)
        self._writes.add(task)
        task.add_done_callback(self._written)
        return task

    async def _write(self, data: bytes | memoryview, at: int) -> None:
        with self._place(at, len(data)) as file:
            self._room.take(self.upload.id, len(data))
            await file.append(data, at=at, last=at + len(data) == self.upload.length)

    async def _write_from(self, inflow: Inflow, at: int) -> None:
        with self._place(at, inflow.size) as file:
            self._room.take(self.upload.id, inflow.ahead)
            await file.append_from(inflow, at=at)
            self._end = file.offset
            self._room.note(self.upload.id, self._end - at - inflow.ahead)

    @contextmanager
    def _place(self, at: int, size: int) -> Iterator[SpoolFile]:
        """Give the file, if the bytes fit. What goes wrong is raised to all who come later."""
        if self._over:
            raise Superseded("late bytes")
        if self._failure:
            raise self._failure
        try:
            if self.file is None or at + size > self._most:
                raise TooLarge(f"{size} bytes where {self._most - at} fit")
            yield self.file
        except DropError as error:
            self._failure = self._failure or error
            raise self._failure from None

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writes.discard(task)
        if not task.cancelled():
            task.exception()  # of several that fail together, one is awaited

    @property
    def _most(self) -> int:
        return self._max_size if self.upload.length is None else self.upload.length
