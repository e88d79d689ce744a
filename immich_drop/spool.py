"""Bytes at rest: one file per upload, and its running SHA-1.

The offset of an upload is the size of its file and is stored nowhere else. Every touch of the disk
happens in a thread of the spool's own: on a slow disk write(2) blocks for seconds, and no phone
may wait for another one's disk.

A SHA-1 cannot be saved, so after a restart it is rebuilt from the file, in a thread, while new
bytes already flow: `written` runs ahead and `hashed` catches up.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from immich_drop.errors import ChecksumMismatch, DiskFull, Unavailable
from immich_drop.upload import Checksum, is_id

PIECE = 256 * 1024
"""Bytes written and hashed at a time: the hash finds them in the cache, and ext4 takes no huge
folios."""

STRIDE = 8 * 1024 * 1024
"""Bytes hashed in one go while catching up, so that it never holds a thread for long."""

NEAR = 16 * 1024 * 1024
"""A gap so small that the next append waits for the hash rather than leaving it behind."""

THREADS = 6

T = TypeVar("T")

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(slots=True)
class _Digest:
    """SHA-1 of the first `hashed` bytes."""

    sha1: "hashlib._Hash" = field(default_factory=partial(hashlib.sha1, usedforsecurity=False))
    hashed: int = 0

    def advance(self, sha1: "hashlib._Hash", count: int) -> None:
        """Take over a copy that went on by `count` bytes: one that failed half-way is dropped."""
        self.sha1 = sha1
        self.hashed += count

    def copy(self) -> "_Digest":
        return _Digest(self.sha1.copy(), self.hashed)


class Spool:
    """The folder between the two halves."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="spool")
        self._claim: int | None = None
        self._digests: dict[str, _Digest] = {}
        """Hashes of unfinished uploads, so that the next chunk goes on without reading."""

    def prepare(self) -> None:
        """Make the folder and see that it can be written to. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.probe()

    def probe(self) -> None:
        """See that the folder can be written to. Raises OSError.

        One that vanished is not made anew: it may be a disk that comes back, with files on it.
        """
        probe = self._folder / ".probe"
        probe.write_bytes(b"")
        probe.unlink()

    def claim(self) -> None:
        """Make the folder ours until we end, however we end. Raises Unavailable.

        Two drops on one spool would deliver the same files and delete each other's.
        """
        self._claim = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(f"another Immich Drop is using {self._folder}") from None

    def close(self) -> None:
        """Wait for what the threads are doing, end them, and give the folder up."""
        self._pool.shutdown()
        if self._claim is not None:
            os.close(self._claim)

    def path(self, upload_id: str) -> Path:
        """Where the bytes of an upload are."""
        return self._folder / upload_id

    def ids(self) -> set[str]:
        """Every upload that has a file; a file whose name is no id is none of ours."""
        return {entry.name for entry in os.scandir(self._folder) if is_id(entry.name)}

    def free(self) -> int:
        """Bytes the disk has left for us. Raises Unavailable."""
        try:
            return shutil.disk_usage(self._folder).free
        except OSError as error:
            raise _explain(error) from error

    def offset(self, upload_id: str) -> int:
        """Bytes held; 0 when nothing came yet. Raises Unavailable when the folder is gone."""
        try:
            return self.path(upload_id).stat().st_size
        except FileNotFoundError:
            self.free()
            return 0
        except OSError as error:
            raise _explain(error) from error

    def touched(self, upload_id: str) -> datetime:
        """Tell when bytes came last; the beginning of time when none did. Raises Unavailable."""
        try:
            return datetime.fromtimestamp(self.path(upload_id).stat().st_mtime, UTC)
        except FileNotFoundError:
            return datetime.fromtimestamp(0, UTC)
        except OSError as error:
            raise _explain(error) from error

    async def open(self, upload_id: str) -> "SpoolFile":
        """Open an upload to append to it.

        The first bytes make the file, so that a new upload costs no trip to the disk of its own.
        """
        size = self.offset(upload_id)
        file = await self.run(partial(_open, self.path(upload_id))) if size else None
        digest = self._digests.setdefault(upload_id, _Digest())
        if digest.hashed > size:
            digest = self._digests[upload_id] = _Digest()
        return SpoolFile(self, upload_id, file, size, digest)

    async def truncate(self, upload_id: str, size: int) -> None:
        """Go back to `size` bytes. Nobody may have the upload open."""
        self._digests.pop(upload_id, None)
        await self.run(partial(os.truncate, self.path(upload_id), size))

    async def delete(self, upload_id: str) -> None:
        """Forget the bytes of an upload, if there are any."""
        self._digests.pop(upload_id, None)
        await self.run(partial(self.path(upload_id).unlink, missing_ok=True))

    async def checksum(self, upload_id: str) -> bytes:
        """Read the SHA-1 of a whole file, for one that arrived before a restart."""
        file = await self.open(upload_id)
        try:
            return await file.checksum()
        finally:
            await file.close()

    def forget(self, upload_id: str) -> None:
        """Drop the running SHA-1 of an upload that is complete."""
        self._digests.pop(upload_id, None)

    def remember(self, upload_id: str, digest: _Digest) -> None:
        """Make `digest` the running SHA-1 of an upload."""
        self._digests[upload_id] = digest

    async def blocks(self, upload_id: str, size: int) -> AsyncGenerator[memoryview]:
        """Read a file once, block after block of at most `size` bytes, one block ahead.

        A block is valid until the next but one is asked for. Raises Unavailable.
        """
        path = self.path(upload_id)
        file = await self.run(partial(os.open, path, os.O_RDONLY | os.O_CLOEXEC))
        ahead: asyncio.Future[int] | None = None
        try:
            length = os.fstat(file).st_size
            buffers = [memoryview(bytearray(min(size, length))) for _ in range(2)]
            position = 0
            ahead = self._read(file, buffers[0], position)
            while count := await ahead:
                full = buffers[0][:count]
                position += count
                buffers.reverse()
                ahead = self._read(file, buffers[0], position)
                yield full
        finally:
            if ahead is not None and not ahead.done():
                await asyncio.wait([ahead])
            os.close(file)

    def _read(self, file: int, buffer: memoryview, position: int) -> asyncio.Future[int]:
        return asyncio.ensure_future(self.run(partial(os.preadv, file, [buffer], position)))

    async def run(self, job: Callable[[], T]) -> T:
        """Do a job on the disk in a thread. Raises DiskFull, Unavailable.

        A thread cannot be stopped: whoever is cancelled leaves when it is done, so that no file is
        closed under its hands.
        """
        doing = asyncio.get_running_loop().run_in_executor(self._pool, job)
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.gather(doing, return_exceptions=True)
            raise
        except OSError as error:
            raise _explain(error) from error


class SpoolFile:
    """One upload, open for appending; its holder is the only writer (see `locker`)."""

    def __init__(
        self, spool: Spool, upload_id: str, file: int | None, size: int, digest: _Digest
    ) -> None:
        self.offset = size
        """Bytes written."""
        self._spool = spool
        self._id = upload_id
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
        path = self._spool.path(self._id)
        job = partial(_append, self._file, path, self.offset, data, hashes, for_good=last)
        self._file, written, trouble = await self._spool.run(job)
        self.offset += written
        if inline:
            self._digest.advance(sha1, written)
        else:
            self._start_catching_up()
        if trouble is not None:
            raise _explain(trouble) from trouble
        self._safe = last

    async def sync(self) -> None:
        """Return when every byte, and the file's name, are on disk for good."""
        if self._file is not None and not self._safe:
            await self._spool.run(partial(_sync, self._file, self._spool.path(self._id).parent))
            self._safe = True

    async def checksum(self) -> bytes:
        """Give the SHA-1 of all bytes written."""
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
            await self._spool.run(partial(os.ftruncate, self._file, size))
        self.offset = size
        self._digest = digest.copy()
        self._chunk = None
        self._safe = False
        self._spool.remember(self._id, self._digest)

    async def start_over(self) -> None:
        """Go back to nothing."""
        self._mark = (0, _Digest())
        await self.rollback()

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
            await self._spool.run(partial(_hash_range, file, start, count, sha1))
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


def _open(path: Path) -> int:
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
            file = _open(path)
        while written < len(view):
            piece = view[written : written + PIECE]
            count = os.pwrite(file, piece, offset + written)
            for digest in hashes:
                digest.update(piece[:count])
            written += count
        if for_good:
            _sync(file, path.parent)
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


def _sync(file: int, folder: Path) -> None:
    os.fdatasync(file)
    entry = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def _explain(error: OSError) -> DiskFull | Unavailable:
    if error.errno in _NO_ROOM:
        return DiskFull(str(error))
    return Unavailable(str(error))
