"""Bytes: whatever happens to a file, its offset is its size and its digest is hashlib's."""

import asyncio
import hashlib
import io
import itertools
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from immich_drop import buffers
from immich_drop import spool_file as module
from immich_drop.buffers import Ring
from immich_drop.errors import ChecksumMismatch, DiskFull, Unavailable
from immich_drop.inflow import Inflow
from immich_drop.spool import Spool
from immich_drop.spool_file import SpoolFile
from immich_drop.tail import PIECE
from immich_drop.upload import Checksum, new_id
from unit.make import sha1

T = TypeVar("T")

ID = new_id()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool")
    spool.prepare()
    yield spool
    spool.close()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@asynccontextmanager
async def opened(spool: Spool, upload_id: str = ID) -> AsyncIterator[SpoolFile]:
    file = await spool.open(upload_id)
    try:
        yield file
    finally:
        await file.close()


async def append_all(file: SpoolFile, pieces: list[bytes]) -> list[BaseException | None]:
    """Append without waiting for one to be written before the next; tells how each went."""
    ends = itertools.accumulate(map(len, pieces), initial=file.offset)
    appends = [file.append(piece, at=at) for piece, at in zip(pieces, ends, strict=False)]
    return await asyncio.gather(*appends, return_exceptions=True)


SMALL_PART = 64


def inflow(data: bytes, ahead: int = 0, more: int = 0, parts: int = 1, *, at: int = 0) -> Inflow:
    """Be a socket that brings `data`, of which some is `ahead`, and owes `more`."""
    ring = Ring([memoryview(bytearray(buffers.PART)) for _ in range(parts)])
    ring.put(memoryview(data[:ahead]), at)
    coming = io.BytesIO(data[ahead:])
    ahead = min(ahead, len(data))
    return Inflow(ring=ring, ahead=ahead, rest=len(data) - ahead + more, pull=coming.readinto)


class Life(RuleBasedStateMachine):
    """One upload's file through appends, cuts, rollbacks and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.file: SpoolFile | None = None
        self.data = b""
        self.mark = b""
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(buffers, "PART", SMALL_PART)

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    @initialize()
    def start(self) -> None:
        self.spool = Spool(Path(self.folder.name))

    @precondition(lambda self: self.file is None)
    @rule()
    def open(self) -> None:
        self.file = self.do(self.spool.open(ID))
        self.mark = self.data

    @precondition(lambda self: self.file is not None)
    @rule(data=st.binary(max_size=300), last=st.booleans())
    def append(self, data: bytes, last: bool) -> None:
        assert self.file
        self.do(self.file.append(memoryview(bytearray(data)), at=len(self.data), last=last))
        self.data += data

    @precondition(lambda self: self.file is not None)
    @rule(pieces=st.lists(st.binary(max_size=100), max_size=4))
    def append_at_once(self, pieces: list[bytes]) -> None:
        assert self.file
        self.do(append_all(self.file, pieces))
        self.data += b"".join(pieces)

    @precondition(lambda self: self.file is not None)
    @rule(
        data=st.binary(max_size=300),
        ahead=st.integers(0, SMALL_PART - 1),
        more=st.integers(0, 50),
        parts=st.integers(1, 2),
    )
    def append_from(self, data: bytes, ahead: int, more: int, parts: int) -> None:
        """A thread receives, and may lack `more` bytes in the end."""
        assert self.file
        at = len(self.data)
        self.do(self.file.append_from(inflow(data, ahead, more, parts, at=at), at=at))
        self.data += data

    @precondition(lambda self: self.file is not None)
    @rule()
    def rollback(self) -> None:
        assert self.file
        self.do(self.file.rollback())
        self.data = self.mark

    @precondition(lambda self: self.file is not None)
    @rule()
    def start_over(self) -> None:
        assert self.file
        self.do(self.file.start_over())
        self.data = self.mark = b""

    @precondition(lambda self: self.file is not None)
    @rule()
    def checksum(self) -> None:
        assert self.file
        assert self.do(self.file.checksum()) == sha1(self.data)

    @precondition(lambda self: self.file is not None)
    @rule()
    def close(self) -> None:
        assert self.file
        self.do(self.file.close())
        self.file = None

    @precondition(lambda self: self.file is None and self.data)
    @rule(part=st.floats(0, 1))
    def truncate(self, part: float) -> None:
        self.data = self.data[: int(len(self.data) * part)]
        self.do(self.spool.truncate(ID, len(self.data)))

    @precondition(lambda self: self.file is None)
    @rule()
    def delete(self) -> None:
        self.do(self.spool.delete(ID))
        self.data = b""

    @precondition(lambda self: self.file is None)
    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.spool = Spool(Path(self.folder.name))

    @precondition(lambda self: self.file is None and self.data)
    @rule()
    def read(self) -> None:
        assert b"".join(map(bytes, self.spool.blocks(ID, 64))) == self.data
        assert self.do(self.spool.checksum(ID)) == sha1(self.data)

    @invariant()
    def offset_is_size(self) -> None:
        assert self.spool.offset(ID) == len(self.data)
        assert self.file is None or self.file.offset == len(self.data)

    def teardown(self) -> None:
        if self.file is not None:
            self.close()
        self.spool.close()
        self.runner.close()
        self.folder.cleanup()
        self.patch.undo()


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase


@pytest.mark.gen_test
async def test_new_bytes_flow_while_the_hash_catches_up(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NEAR", 100)
    monkeypatch.setattr(module, "STRIDE", 70)
    monkeypatch.setattr(module, "BLOCK", 33)
    old, new = os.urandom(5000), os.urandom(3000)
    spool.path(ID).write_bytes(old)
    async with opened(spool) as file:
        for start in range(0, len(new), 500):
            await file.append(new[start : start + 500], at=len(old) + start)
            assert file.offset == len(old) + start + 500
        assert await file.checksum() == sha1(old + new)
    assert spool.path(ID).read_bytes() == old + new


@pytest.mark.gen_test
async def test_catching_up_goes_on_where_another_connection_left(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NEAR", 0)
    monkeypatch.setattr(module, "STRIDE", 64)
    spool.path(ID).write_bytes(bytes(10_000))
    for _ in range(5):
        async with opened(spool) as file:
            await file.append(b"x", at=file.offset)
    async with opened(spool) as file:
        assert await file.checksum() == sha1(bytes(10_000) + b"x" * 5)


@pytest.mark.gen_test
async def test_a_hash_that_failed_half_way_is_not_half_counted(spool: Spool) -> None:
    data = os.urandom(module.BLOCK * 3)
    spool.path(ID).write_bytes(data)
    async with opened(spool) as file:
        os.truncate(spool.path(ID), len(data) - 1)
        with pytest.raises(Unavailable):
            await file.checksum()
        spool.path(ID).write_bytes(data)
        assert await file.checksum() == sha1(data)


@pytest.mark.gen_test
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_the_checksum_of_a_chunk(spool: Spool, algorithm: str) -> None:
    async with opened(spool) as file:
        await file.append(b"before ", at=0)
    for chunk, good in ((b"chunk", True), (b"chaff", False)):
        async with opened(spool) as file:
            file.expect(Checksum(algorithm, hashlib.new(algorithm, b"chunk").digest()))
            assert file.unverified
            await file.append(chunk[:2], at=file.offset)
            await file.append(chunk[2:], at=file.offset)
            if good:
                file.verify_chunk()
                assert not file.unverified
            else:
                with pytest.raises(ChecksumMismatch):
                    file.verify_chunk()
                await file.rollback()
    assert spool.path(ID).read_bytes() == b"before chunk"
    assert await spool.checksum(ID) == sha1(b"before chunk")


@pytest.mark.gen_test
async def test_bytes_that_need_not_wait_for_each_other_keep_their_order(spool: Spool) -> None:
    pieces = [os.urandom(size) for size in (10, PIECE + 1, 3 * PIECE, 10, 0, 3 * PIECE, 10, 1000)]
    whole = b"".join(pieces)
    async with opened(spool) as file:
        file.expect(Checksum("sha1", sha1(whole)))
        assert await append_all(file, pieces) == [None] * 8
        file.verify_chunk()
        assert await file.checksum() == sha1(whole)
    assert spool.path(ID).read_bytes() == whole


def bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.gen_test
async def test_a_hash_that_has_caught_up_stays_in_step(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes after that is hashed as it comes, and not read again."""
    old, pieces = os.urandom(1000), [os.urandom(12 * PIECE) for _ in range(20)]
    spool.path(ID).write_bytes(old)
    before, at = bytes_read(), len(old)
    async with opened(spool) as file:
        appends = []
        for number, piece in enumerate(pieces):
            monkeypatch.setattr(module, "NEAR", 0 if number < 2 else 1 << 30)
            appends.append(asyncio.create_task(file.append(piece, at=at)))
            at += len(piece)
            if number:
                await appends[-2]
        await appends[-1]
        assert await file.checksum() == sha1(old + b"".join(pieces))
    assert bytes_read() - before < 5 * 12 * PIECE


@pytest.mark.gen_test
@pytest.mark.parametrize("parts", [1, 2])
async def test_a_thread_receives_while_the_hash_catches_up(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, parts: int
) -> None:
    monkeypatch.setattr(buffers, "PART", 1000)
    monkeypatch.setattr(module, "NEAR", 10_000)
    monkeypatch.setattr(module, "STRIDE", 700)
    old, new = os.urandom(50_000), os.urandom(50_000)
    spool.path(ID).write_bytes(old)
    async with opened(spool) as file:
        while rest := new[file.offset - len(old) :]:
            at = file.offset
            await file.append_from(inflow(rest, 0, 0, parts, at=at), at=at)
            # It would come too late to hash what a thread has received meanwhile.
            assert at + 5000 >= file.offset or len(rest) == file.offset - at
        assert await file.checksum() == sha1(old + new)
    assert spool.path(ID).read_bytes() == old + new


@pytest.mark.gen_test
async def test_a_file_is_closed_when_nobody_receives_into_it_any_more(spool: Spool) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def pull(space: memoryview) -> int:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()
        space[:4] = b"late"
        return 4

    file = await spool.open(ID)
    ring = Ring([memoryview(bytearray(buffers.PART))])
    slow = Inflow(ring=ring, ahead=0, rest=100, pull=pull)
    receiving = asyncio.create_task(file.append_from(slow, at=0))
    await begun.wait()
    closing = asyncio.create_task(file.close())
    await asyncio.sleep(0)
    assert not closing.done()
    go_on.set()
    await asyncio.gather(receiving, closing)
    assert spool.path(ID).read_bytes() == b"late"


@pytest.mark.gen_test
async def test_there_is_no_gap_in_a_file(spool: Spool) -> None:
    async with opened(spool) as file:
        await file.append(b"first", at=0)
        for at in (0, 4, 6):
            with pytest.raises(Unavailable, match=f"before {at} "):
                await file.append(b"next", at=at)
            with pytest.raises(Unavailable, match=f"before {at} "):
                await file.append_from(inflow(b"next", at=at), at=at)
        await file.append(b" next", at=5)
        assert await file.checksum() == sha1(b"first next")
    assert spool.path(ID).read_bytes() == b"first next"


NO_ROOM = """
import asyncio, hashlib, io, resource, sys
from pathlib import Path
from immich_drop.errors import DiskFull, Unavailable
from immich_drop.buffers import PART, Ring
from immich_drop.inflow import Inflow
from immich_drop.spool import Spool

LIMIT, DATA = 1_000_001, bytes(range(256)) * 8000

async def main():
    spool = Spool(Path(sys.argv[1]))
    file = await spool.open("a")
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
    await file.append(DATA[:600_000], at=0)
    for attempt in range(2):
        outcomes = await asyncio.gather(
            file.append(DATA[file.offset : -1000], at=file.offset),
            file.append(DATA[-1000:], at=len(DATA) - 1000, last=True),
            return_exceptions=True,
        )
        assert [type(each) for each in outcomes] == [DiskFull, Unavailable], outcomes
        assert file.offset == spool.offset("a") == LIMIT, file.offset
    await file.rollback()
    for parts in range(1, 3):
        ring = Ring([memoryview(bytearray(PART)) for _ in range(parts)])
        coming = io.BytesIO(DATA[file.offset:])
        inflow = Inflow(ring=ring, ahead=0, rest=len(DATA) - file.offset, pull=coming.readinto)
        try:
            await file.append_from(inflow, at=file.offset)
        except DiskFull:
            assert file.offset == spool.offset("a") == LIMIT, file.offset
        else:
            raise AssertionError
    assert await file.checksum() == hashlib.sha1(DATA[:LIMIT]).digest()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await file.append(DATA[file.offset:], at=file.offset, last=True)
    assert await file.checksum() == hashlib.sha1(DATA).digest()
    await file.close()
    spool.close()

asyncio.run(main())
"""


def test_a_disk_that_is_full_in_the_middle_of_a_write(tmp_path: Path) -> None:
    """A file size limit cuts writes short exactly as a full disk does."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    subprocess.run([sys.executable, "-c", NO_ROOM, str(tmp_path)], check=True)


@pytest.mark.gen_test
async def test_no_room_at_all(spool: Spool) -> None:
    spool.path(ID).symlink_to("/dev/full")
    async with opened(spool) as file:
        with pytest.raises(DiskFull):
            await file.append(b"x", at=file.offset)
        assert file.offset == 0


@pytest.mark.gen_test
async def test_a_disk_that_went_away(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "spool").rename(tmp_path / "unplugged")
    for question in (spool.free, lambda: spool.offset(ID), lambda: spool.touched(ID), spool.ids):
        with pytest.raises(Unavailable):
            question()
    with pytest.raises(Unavailable):
        next(spool.blocks(ID, 10))
    for work in (spool.open(ID), spool.truncate(ID, 0), spool.delete(ID)):
        with pytest.raises(Unavailable):
            await work
    with pytest.raises(Unavailable):
        await spool.checksum(ID)


@pytest.mark.gen_test
async def test_no_file_is_closed_while_a_thread_writes_to_it(tmp_path: Path) -> None:
    """A descriptor that is closed too early may be another file's when the thread gets to it."""
    os.mkfifo(tmp_path / ID)
    reader = os.open(tmp_path / ID, os.O_RDONLY | os.O_NONBLOCK)
    spool = Spool(tmp_path)
    started = asyncio.Event()
    loop = asyncio.get_running_loop()
    pipe = os.open(tmp_path / ID, os.O_WRONLY)

    def job() -> None:
        loop.call_soon_threadsafe(started.set)
        os.write(pipe, bytes(100_000))  # blocks: a pipe holds 64 KiB

    task = asyncio.ensure_future(spool._disk.run(job))
    await started.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    os.set_blocking(reader, True)
    while not task.done():
        await asyncio.to_thread(os.read, reader, 4096)
        await asyncio.sleep(0)
    assert task.cancelled()
    os.close(pipe)
    os.close(reader)
    spool.close()


@pytest.mark.gen_test
async def test_a_reader_that_leaves_early_leaves_no_file_open(spool: Spool) -> None:
    async with opened(spool) as file:
        await file.append(bytes(1000), at=0)
    before = open_files()
    blocks = spool.blocks(ID, 10)
    assert len(next(blocks)) == 10
    blocks.close()
    assert open_files() == before


def test_only_what_bears_an_id_is_ours(spool: Spool, tmp_path: Path) -> None:
    for name in (ID, "IMG_0001.jpg", "README", ".probe", f"{ID}.part"):
        (tmp_path / "spool" / name).touch()
    assert spool.ids() == {ID}


def test_one_spool_has_one_owner(tmp_path: Path) -> None:
    first, second, third = (Spool(tmp_path) for _ in range(3))
    first.claim()
    with pytest.raises(Unavailable, match="another"):
        second.claim()
    first.close()
    third.claim()
    second.close()
    third.close()
