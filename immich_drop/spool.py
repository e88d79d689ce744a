"""Bytes at rest: the folder between the two halves, one file per upload.

The offset of an upload is the size of its file and is stored nowhere else.
"""

import os
import shutil
from collections.abc import Generator
from concurrent.futures import wait
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from pathlib import Path

from immich_drop.buffers import pages
from immich_drop.disk import Disk, claim, explain
from immich_drop.errors import Unavailable
from immich_drop.spool_file import SpoolFile
from immich_drop.tail import Digest, open_file
from immich_drop.upload import is_id


class Spool:
    """The folder between the two halves."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._disk = Disk()
        self._claim: int | None = None
        self._digests: dict[str, Digest] = {}
        """Hashes of unfinished uploads, so that the next chunk goes on without reading."""

    def prepare(self, *, expected: bool = False) -> None:
        """See that the folder can be written to; make it, unless it is `expected` to be there.

        Raises OSError, and Unavailable where files should be and no folder is: a disk that is not
        mounted must not be replaced by an empty folder.
        """
        if expected and not self._folder.exists():
            raise Unavailable(
                f"{self._folder} is not there, but files of guests should be in it: is its disk"
                " mounted? If they are lost, make the folder and start again."
            )
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
        lock = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._claim = claim(lock, self._folder)

    def close(self) -> None:
        """Wait for what the threads are doing, end them, and give the folder up."""
        self._disk.close()
        if self._claim is not None:
            os.close(self._claim)

    def path(self, upload_id: str) -> Path:
        """Where the bytes of an upload are."""
        return self._folder / upload_id

    def ids(self) -> set[str]:
        """Every upload that has a file; a file whose name is no id is none of ours.

        Raises Unavailable.
        """
        try:
            return {entry.name for entry in os.scandir(self._folder) if is_id(entry.name)}
        except OSError as error:
            raise explain(error) from error

    def free(self) -> int:
        """Bytes the disk has left for us. Raises Unavailable."""
        try:
            return shutil.disk_usage(self._folder).free
        except OSError as error:
            raise explain(error) from error

    def offset(self, upload_id: str) -> int:
        """Bytes held; 0 when nothing came yet. Raises Unavailable when the folder is gone."""
        found = self._stat(upload_id)
        return found.st_size if found else 0

    def touched(self, upload_id: str) -> datetime | None:
        """Tell when bytes came last; None when none did yet. Raises Unavailable."""
        found = self._stat(upload_id)
        return datetime.fromtimestamp(found.st_mtime, UTC) if found else None

    async def touch(self, upload_id: str, moment: datetime) -> None:
        """Set when bytes came last; an upload without any gets an empty file.

        Raises Unavailable.
        """
        await self._disk.run(partial(_set_date, self.path(upload_id), moment.timestamp()))

    async def open(self, upload_id: str) -> SpoolFile:
        """Open an upload to append to it.

        The first bytes make the file, so that a new upload costs no trip to the disk of its own.
        """
        path, size = self.path(upload_id), self.offset(upload_id)
        file = await self._disk.run(partial(open_file, path)) if size else None
        digest = self._digests.setdefault(upload_id, Digest())
        if digest.hashed > size:
            digest = self._digests[upload_id] = Digest()
        return SpoolFile(self._disk, path, file, size, digest)

    async def truncate(self, upload_id: str, size: int) -> None:
        """Go back to `size` bytes. Nobody may have the upload open."""
        self._digests.pop(upload_id, None)
        await self._disk.run(partial(os.truncate, self.path(upload_id), size))

    async def delete(self, upload_id: str) -> None:
        """Forget the bytes of an upload, if there are any. Raises Unavailable."""
        self._digests.pop(upload_id, None)
        await self._disk.run(partial(_delete, self.path(upload_id)))

    async def checksum(self, upload_id: str) -> bytes:
        """Read the SHA-1 of a file that is complete: its bytes may have changed since they came.

        Raises Unavailable.
        """
        file = await self.open(upload_id)
        try:
            return await file.checksum()
        finally:
            await file.close()
            self.forget(upload_id)

    def forget(self, upload_id: str) -> None:
        """Drop the running SHA-1 of an upload that is complete."""
        self._digests.pop(upload_id, None)

    def blocks(self, upload_id: str, size: int) -> Generator[memoryview]:
        """Read a file once, block after block of at most `size` bytes: for a thread that sends it.

        The next block is read meanwhile. A block is valid until the next one is asked for. Raises
        Unavailable.
        """
        try:
            with self.path(upload_id).open("rb", buffering=0) as file:
                yield from _blocks(file, size, self._disk)
        except OSError as error:
            raise explain(error) from error

    def _stat(self, upload_id: str) -> os.stat_result | None:
        try:
            return self.path(upload_id).stat()
        except FileNotFoundError:
            self.free()
            return None
        except OSError as error:
            raise explain(error) from error


def _blocks(file: FileIO, size: int, disk: Disk) -> Generator[memoryview]:
    left = os.fstat(file.fileno()).st_size
    block, other = (pages(min(size, left)) for _ in range(2))
    count = file.readinto(block)
    while count:
        left -= count
        ahead = disk.begin(partial(file.readinto, other)) if left > 0 else None
        try:
            yield block[:count]
        finally:
            if ahead is not None:
                wait([ahead])
        count = ahead.result() if ahead is not None else 0
        block, other = other, block


def _delete(path: Path) -> None:
    try:
        path.unlink()
    except FileNotFoundError:
        path.parent.stat()  # a disk that went away may come back, with the file on it


def _set_date(path: Path, seconds: float) -> None:
    path.touch(0o600)
    os.utime(path, (seconds, seconds))
