"""One file of the spool, open for appending, and its running SHA-1.

A SHA-1 cannot be saved, so after a restart it is rebuilt from the file, in a thread, while new
bytes already flow: `offset` runs ahead and the digest catches up.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from immich_drop.disk import Disk, explain
from immich_drop.errors import ChecksumMismatch, DiskFull, Unavailable
from immich_drop.upload import Checksum

PIECE = 512 * 1024
"""Bytes written and hashed at a time. The hash finds most of them in the cache, and the thread
waits for its turn at the GIL less often than with smaller ones; larger ones have ext4 look for a
MiB of memory in a row, which a virtual machine may have to ask its host for."""

STRIDE = 8 * 1024 * 1024
"""Bytes hashed in one go while catching up, so that it never holds a thread for long."""

NEAR = 16 * 1024 * 1024
"""A gap so small that the next append waits for the hash rather than leaving it behind."""


@dataclass(slots=True)
class Digest:
    """SHA-1 of the first `hashed` bytes."""

    sha1: "hashlib._Hash" = field(default_factory=partial(hashlib.sha1, usedforsecurity=False))
    hashed: int = 0

    def advance(self, sha1: "hashlib._Hash", count: int) -> None:
        """Take over a copy that went on by `count` bytes: one that failed half-way is dropped."""
        self.sha1 = sha1
        self.hashed += count

    def become(self, other: "Digest") -> None:
        """Go back to what a copy was."""
        self.sha1 = other.sha1.copy()
        self.hashed = other.hashed

    def copy(self) -> "Digest":
        """Return one that goes on by itself."""
        return Digest(self.sha1.copy(), self.hashed)


class SpoolFile:
    """One upload, open for appending; its holder is the only writer (see `locker`)."""

    def __init__(self, disk: Disk, path: Path, file: int | None, size: int, digest: Digest) -> None:
        self.offset = size
        """Bytes written."""
        self.spoiled = False
        """Bytes may be lost that could not be cut off either: nothing of the file is proven."""
        self._disk = disk
        self._path = path
        self._file = file
        self._digest = digest
        self._catching_up: asyncio.Task[None] | None = None
        self._leaving = False
        self._safe = False
        self._chunk: Checksum | None = None
        self._chunk_hash: hashlib._Hash | None = None
        self._mark = (size, digest.copy())

    def expect(self, checksum: Checksum) -> None:
        """Name the checksum of the chunk that starts here."""
        self._chunk = checksum
        self._chunk_hash = hashlib.new(checksum.algorithm, usedforsecurity=False)

    async def append(self, data: bytes | memoryview, *, last: bool = False) -> None:
        """Write and hash; with `last`, on disk for good when this returns.

        Raises DiskFull, Unavailable; `offset` tells how much was kept.
        """
        if self._digest.hashed < self.offset <= self._digest.hashed + NEAR:
            await self._catch_up()
        inline = self._digest.hashed == self.offset and self._catching_up is None
        sha1 = self._digest.sha1.copy()
        hashes = [sha1] if inline else []
        if self._chunk_hash is not None:
            hashes.append(self._chunk_hash)
        job = partial(_append, self._file, self._path, self.offset, data, hashes, for_good=last)
        self._file, written, trouble = await self._disk.run(job)
        self.offset += written
        if inline:
            self._digest.advance(sha1, written)
        else:
            self._start_catching_up()
        if trouble is not None:
            if written == len(data):
                # A failed fsync may have dropped pages, and a second one would not tell.
                await self.start_over()
            raise explain(trouble) from trouble
        self._safe = last

    async def sync(self) -> None:
        """Return when every byte, and the file's name, are on disk for good."""
        if self._file is not None and not self._safe:
            try:
                await self._disk.run(partial(_sync, self._file, self._path.parent))
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
        if self._chunk is not None and self._chunk_hash is not None:
            if self._chunk_hash.digest() != self._chunk.digest:
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
        if self._file is not None:
            await self._disk.run(partial(os.ftruncate, self._file, size))
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
        if self._file is not None:
            os.close(self._file)

    def _start_catching_up(self) -> None:
        if self._catching_up is None:
            self._catching_up = asyncio.ensure_future(self._hash_on())
            self._catching_up.add_done_callback(self._caught_up)

    def _caught_up(self, task: asyncio.Task[None]) -> None:
        self._catching_up = None
        if not task.cancelled():
            task.exception()  # whoever waits for the checksum meets it again

    async def _hash_on(self) -> None:
        if (file := self._file) is None:
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


def open_file(path: Path) -> int:
    """Open a file to read and append; make it if need be. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _append(
    file: int | None,
    path: Path,
    offset: int,
    data: bytes | memoryview,
    hashes: list["hashlib._Hash"],
    *,
    for_good: bool,
) -> tuple[int | None, int, OSError | None]:
    """Write piece by piece, hashing exactly what was written; tells the file and how far it came.

    With `for_good`, bytes and name are on disk in the end.
    """
    view = memoryview(data)
    written = 0
    try:
        if file is None:
            file = open_file(path)
        while written < len(view):
            piece = view[written : written + PIECE]
            count = os.pwrite(file, piece, offset + written)
            for digest in hashes:
                digest.update(piece[:count])
            written += count
        if for_good:
            _sync(file, path.parent)
        elif written >= PIECE:
            _begin_sync(file, offset, written)
    except OSError as trouble:
        return file, written, trouble
    return file, written, None


def _hash_range(file: int, start: int, count: int, sha1: "hashlib._Hash") -> None:
    buffer = memoryview(bytearray(min(PIECE, count)))
    while count:
        read = os.preadv(file, [buffer[: min(PIECE, count)]], start)
        if not read:
            raise OSError(errno.EIO, "the file is shorter than it was")
        sha1.update(buffer[:read])
        start += read
        count -= read


def _begin_sync(file: int, start: int, count: int) -> None:
    """Have the disk begin at once, so that the sync before the promise finds little to do.

    What is dirty stays in the cache (Linux, mm/fadvise.c).
    """
    if sys.platform == "linux":
        os.posix_fadvise(file, start, count, os.POSIX_FADV_DONTNEED)


def _sync(file: int, folder: Path) -> None:
    if sys.platform == "darwin":
        # Its fsync leaves bytes in the drive's own cache, says fsync(2) there.
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(file)
    entry = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
