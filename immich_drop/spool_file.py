"""One file of the spool, open for appending, and its running SHA-1.

A SHA-1 cannot be saved, so after a restart it is rebuilt from the file, in a thread, while new
bytes already flow: `offset` runs ahead and the digest catches up.
"""

import asyncio
import errno
import hashlib
import os
from functools import partial
from pathlib import Path

from immich_drop.disk import Disk, explain
from immich_drop.errors import ChecksumMismatch, DiskFull, Unavailable
from immich_drop.inflow import Inflow
from immich_drop.tail import Appended, Digest, Tail
from immich_drop.upload import Checksum

BLOCK = 512 * 1024
"""Bytes read at a time while catching up."""

STRIDE = 8 * 1024 * 1024
"""Bytes hashed in one go while catching up, so that it never holds a thread for long."""

NEAR = 16 * 1024 * 1024
"""A gap so small that the next append waits for the hash rather than leaving it behind."""


class SpoolFile:
    """One upload, open for appending; its holder is the only writer (see `locker`)."""

    def __init__(self, disk: Disk, path: Path, file: int | None, size: int, digest: Digest) -> None:
        self.offset = size
        """Bytes written."""
        self.spoiled = False
        """Bytes may be lost that could not be cut off either: nothing of the file is proven."""
        self._disk = disk
        self._writing = disk.strand()
        self._tail = Tail(path, file, size, digest, disk.strand())
        self._digest = digest
        self._turn = asyncio.Lock()
        self._catching_up: asyncio.Task[None] | None = None
        self._leaving = False
        self._safe = False
        self._chunk: Checksum | None = None
        self._mark = (size, digest.copy())

    def expect(self, checksum: Checksum) -> None:
        """Name the checksum of the chunk that starts here."""
        self._chunk = checksum
        self._tail.chunk_hash = hashlib.new(checksum.algorithm, usedforsecurity=False)

    async def append(self, data: bytes | memoryview, *, at: int, last: bool = False) -> None:
        """Write and hash, in the order of the calls; with `last`, on disk for good in the end.

        The next call need not wait for this one. Raises DiskFull, Unavailable, also when the bytes
        that belong before `at` were not written; `offset` tells how much was kept.
        """
        async with self._turn:
            await self._get_into_step()
            appending = self._writing.run(partial(self._tail.append, data, at=at, for_good=last))
        await self._note(await appending, at=at)
        self._safe = last

    async def append_from(self, inflow: Inflow, *, at: int) -> None:
        """Write and hash what a thread receives; when it ends, `offset` tells how much that was.

        It may be told to stop early. Raises as `append`.
        """
        async with self._turn:
            await self._writing.settle()
            await self._get_into_step()
            if self._digest.hashed < self.offset:
                # Else the hash would find the file longer, each time it has caught up.
                inflow = inflow.of_at_most(NEAR // 2)
            appended = await self._disk.run(partial(self._tail.append_from, inflow, at=at))
        await self._note(appended, at=at)
        self._safe = False

    async def sync(self) -> None:
        """Return when every byte, and the file's name, are on disk for good."""
        await self._settle()
        if not self._safe:
            try:
                await self._writing.run(self._tail.sync)
            except (DiskFull, Unavailable):
                await self.start_over()
                raise
            self._safe = True

    async def checksum(self) -> bytes:
        """Return the SHA-1 of all bytes written."""
        await self._catch_up()
        return self._digest.sha1.digest()

    def verify_chunk(self) -> None:
        """Compare the chunk with the checksum named for it. Raises ChecksumMismatch."""
        if self._chunk is not None and self._tail.chunk_hash is not None:
            if self._tail.chunk_hash.digest() != self._chunk.digest:
                raise ChecksumMismatch("of a chunk")
            self._chunk = None

    @property
    def unverified(self) -> bool:
        """Tell whether the chunk has a checksum that was not compared yet."""
        return self._chunk is not None

    async def rollback(self) -> None:
        """Go back to where the chunk started."""
        await self._stop_catching_up()
        size, digest = self._mark
        await self._settle()
        await self._writing.run(partial(self._tail.truncate, size))
        self.offset = size
        self._digest.become(digest)
        self._chunk = None
        self._safe = False

    async def start_over(self) -> None:
        """Go back to nothing."""
        self._mark = (0, Digest())
        self.spoiled = True
        await self.rollback()
        self.spoiled = False

    async def close(self) -> None:
        """Close the file; the running SHA-1 stays with the spool."""
        await self._stop_catching_up()
        await self._settle()
        if self._tail.file is not None:
            os.close(self._tail.file)

    async def _settle(self) -> None:
        """Return when every append is done."""
        async with self._turn:
            await self._writing.settle()

    async def _get_into_step(self) -> None:
        """Let a digest that lags but a little catch up before the next bytes."""
        if self._digest.hashed < self.offset <= self._digest.hashed + NEAR:
            await self._writing.settle()
            await self._catch_up()

    async def _note(self, appended: Appended, *, at: int) -> None:
        """Take note of what was written. Raises DiskFull, Unavailable if that was not all."""
        self.offset += appended.written
        if self._digest.hashed < self.offset:
            self._start_catching_up()
        if appended.trouble is not None:
            if appended.written == appended.came:
                # A failed fsync may have dropped pages, and a second one would not tell.
                await self.start_over()
            raise explain(appended.trouble) from appended.trouble
        if appended.written < appended.came:
            raise Unavailable(f"the bytes before {at} were not written")

    def _start_catching_up(self) -> None:
        if self._catching_up is None:
            self._catching_up = asyncio.ensure_future(self._hash_on())
            self._catching_up.add_done_callback(self._caught_up)

    def _caught_up(self, task: asyncio.Task[None]) -> None:
        self._catching_up = None
        if not task.cancelled():
            task.exception()  # whoever waits for the checksum meets it again

    async def _hash_on(self) -> None:
        """Hash what is in the file, up to `offset`.

        What is appended meanwhile is not hashed by `Tail`, which does so only when the digest ends
        exactly where its bytes begin.
        """
        if (file := self._tail.file) is None:
            return
        while not self._leaving and (start := self._digest.hashed) < self.offset:
            count = min(STRIDE, self.offset - start)
            sha1 = self._digest.sha1.copy()
            await self._disk.run(partial(_hash_range, file, start, count, sha1))
            self._digest.advance(sha1, count)

    async def _catch_up(self) -> None:
        while self._digest.hashed < self.offset:
            self._start_catching_up()
            if self._catching_up is not None:
                await self._catching_up

    async def _stop_catching_up(self) -> None:
        """Wait for the stride under way: its thread uses our file."""
        self._leaving = True
        if self._catching_up is not None:
            await asyncio.wait([self._catching_up])
        self._leaving = False


def _hash_range(file: int, start: int, count: int, sha1: "hashlib._Hash") -> None:
    buffer = memoryview(bytearray(min(BLOCK, count)))
    while count:
        read = os.preadv(file, [buffer[: min(BLOCK, count)]], start)
        if not read:
            raise OSError(errno.EIO, "the file is shorter than it was")
        sha1.update(buffer[:read])
        start += read
        count -= read
