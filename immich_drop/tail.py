"""The end of a spool file, where bytes are written and hashed: what runs in the disk's threads.

One job at a time appends to a file, and hashes by itself or has a strand of jobs do so (see
`disk.Strand`), for which it waits: nothing needs a lock.
"""

import fcntl
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from immich_drop.buffers import part_end
from immich_drop.disk import Strand
from immich_drop.inflow import Inflow

PIECE = 256 * 1024
"""Bytes written at a time: for a larger piece ext4 looks for as much memory in a row, which is soon
used up, and a virtual machine may have to ask its host for more."""


@dataclass(slots=True)
class Digest:
    """SHA-1 of the first `hashed` bytes."""

    sha1: "hashlib._Hash" = field(default_factory=partial(hashlib.sha1, usedforsecurity=False))
    hashed: int = 0

    def update(self, data: memoryview) -> None:
        """Go on by these bytes."""
        self.sha1.update(data)
        self.hashed += len(data)

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


@dataclass(frozen=True, slots=True)
class Appended:
    """How it went."""

    came: int
    """Bytes there were to write."""
    written: int
    trouble: OSError | None
    """What went wrong then: if all was written, the sync."""


class Tail:
    """The end of one file. The first bytes make the file."""

    def __init__(
        self, path: Path, file: int | None, end: int, digest: Digest, hashing: Strand
    ) -> None:
        self.file = file
        self.chunk_hash: hashlib._Hash | None = None
        """Of all bytes from here on, for a chunk whose checksum is to be verified."""
        self._path = path
        self._end = end
        self._digest = digest
        self._hashing = hashing

    def append(self, data: bytes | memoryview, *, at: int, for_good: bool) -> Appended:
        """Write, and hash exactly what was written.

        Nothing is written if the file does not end `at`: the bytes before these ones were not
        written, and there must be no gap. With `for_good`, bytes and name are on disk in the end.
        """
        if at != self._end:
            return Appended(len(data), 0, None)
        view = memoryview(data)
        trouble = self._write(view, for_good=for_good)
        self._hash(view[: self._end - at], at)
        return Appended(len(data), self._end - at, trouble)

    def append_from(self, inflow: Inflow, *, at: int) -> Appended:
        """Receive, write and hash, part after part, until all is here or no more comes.

        With a second part to fill meanwhile, the first one is hashed in another thread. There must
        be no gap here either. Nothing is on disk for good yet: a sync takes a while, in which
        others may use the ring.
        """
        if at != self._end:
            return Appended(inflow.size, 0, None)
        ring, trouble = inflow.ring, None
        received, end = at + inflow.ahead, at + inflow.size
        hash_part = self._hashing.put if len(ring.parts) > 1 else _at_once
        unused = threading.Semaphore(len(ring.parts))
        while trouble is None:
            start, stop = self._end, min(part_end(self._end), end)
            unused.acquire()
            if received < stop:
                received += inflow.pull(ring.view(received, stop))
            filled = min(received, stop)
            trouble = self._write(ring.view(start, filled), for_good=False)
            written = ring.view(start, self._end)
            hash_part(partial(self._hash_and_release, written, start, unused))
            if filled < stop or stop == end:
                break
        for _ in ring.parts:
            unused.acquire()
        return Appended(received - at, self._end - at, trouble)

    def truncate(self, size: int) -> None:
        """Go back to `size` bytes. Raises OSError."""
        if self.file is not None:
            os.ftruncate(self.file, size)
        self._end = size

    def sync(self) -> None:
        """Return when every byte, and the file's name, are on disk for good. Raises OSError."""
        if self.file is None:
            return
        if sys.platform == "darwin":
            # Its fsync leaves bytes in the drive's own cache, says fsync(2) there.
            fcntl.fcntl(self.file, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(self.file)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _write(self, data: memoryview, *, for_good: bool) -> OSError | None:
        start = self._end
        try:
            if self.file is None:
                self.file = open_file(self._path)
            while rest := data[self._end - start :][:PIECE]:
                self._end += os.pwrite(self.file, rest, self._end)
            if for_good:
                self.sync()
            elif len(data) >= PIECE:
                self._begin_sync(start)
        except OSError as trouble:
            return trouble
        return None

    def _hash_and_release(self, data: memoryview, at: int, unused: threading.Semaphore) -> None:
        try:
            self._hash(data, at)
        finally:
            unused.release()

    def _hash(self, data: memoryview, at: int) -> None:
        """Hash what was written, unless the digest lags: then it is read from the file later."""
        if self._digest.hashed == at:
            self._digest.update(data)
        if self.chunk_hash is not None:
            self.chunk_hash.update(data)

    def _begin_sync(self, start: int) -> None:
        """Have the disk begin at once, so that the sync before the promise finds little to do.

        What is dirty stays in the cache (Linux, mm/fadvise.c). A hint: nothing is lost without it.
        """
        if self.file is None or sys.platform != "linux":
            return
        with suppress(OSError):
            os.posix_fadvise(self.file, start, self._end - start, os.POSIX_FADV_DONTNEED)


def _at_once(job: Callable[[], None]) -> None:
    job()


def open_file(path: Path) -> int:
    """Open a file to read and append; make it if need be. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
