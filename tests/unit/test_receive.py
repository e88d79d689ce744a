"""Chunks: what is acknowledged is here, and two requests on one upload never mix."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from immich_drop.allowance import Allowance
from immich_drop.buffers import PART, Ring
from immich_drop.errors import (
    BadRequest,
    ChecksumMismatch,
    DiskFull,
    DropError,
    OffsetConflict,
    SessionFull,
    Superseded,
    TooLarge,
    Unavailable,
)
from immich_drop.inflow import Inflow
from immich_drop.upload import Checksum, State
from unit.make import sha1
from unit.receiving import MAX_SIZE, chunk, half

DATA = b"ten bytes!"


def named(data: bytes) -> Checksum:
    return Checksum("sha1", hashlib.sha1(data).digest())


@pytest.mark.gen_test
async def test_from_the_first_byte_to_received(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create(sha1=sha1(DATA))
        watcher = drop.progress.watch("")
        assert (await drop.bring(made.id, DATA[:4])).state is State.RECEIVING
        assert await drop.receiver.inspect(made.id) == (drop.db.get(made.id), 4)
        done = await drop.bring(made.id, DATA[4:], offset=4)
        assert (done.state, done.checksum, done.length) == (State.RECEIVED, sha1(DATA), 10)
        assert drop.received == [done]
        assert drop.spool.path(made.id).read_bytes() == DATA
        assert await drop.bring(made.id, b"", offset=10) == done, "the last 204 was lost"
        assert [news["offset"] for news in await watcher.take()] == [10]
        assert drop.spool._digests == {}
        assert drop.room._reservations == {}


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("length", "offset", "size", "error"),
    [
        (10, 1, 3, OffsetConflict),
        (10, 3, 3, OffsetConflict),
        (10, 4, 7, TooLarge),
        (10, 4, None, None),
        (10, 4, 6, None),
        (None, 4, MAX_SIZE - 4, None),
        (None, 4, MAX_SIZE - 3, TooLarge),
    ],
)
async def test_what_fits(
    tmp_path: Path,
    length: int | None,
    offset: int,
    size: int | None,
    error: type[DropError] | None,
) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create(length)
        await drop.bring(made.id, DATA[:4])
        attempt = drop.receiver.begin(made.id, chunk(offset), size=size, evict=lambda: None)
        if error:
            with pytest.raises(error):
                await attempt
        else:
            await drop.receiver.abandon(await attempt)
        assert not drop.locker.holds(made.id)
        assert drop.spool.offset(made.id) == 4


@pytest.mark.gen_test
@pytest.mark.parametrize(("length", "limit"), [(10, 10), (None, MAX_SIZE)])
async def test_more_than_fits_in_a_body_of_unknown_length(
    tmp_path: Path, length: int | None, limit: int
) -> None:
    """Neither the length nor, without one, the limit of any file is passed by a single byte."""
    async with half(tmp_path) as drop:
        made = await drop.create(length)
        await drop.bring(made.id, b"1234")
        reception = await drop.receiver.begin(made.id, chunk(4), size=None, evict=lambda: None)
        await reception.write(bytes(limit - 5))
        with pytest.raises(TooLarge):
            await reception.write(b"12")
        await drop.receiver.abandon(reception, refused=True)
        assert drop.spool.path(made.id).read_bytes() == b"1234"


@pytest.mark.gen_test
async def test_a_length_told_late(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create(None)
        await drop.bring(made.id, DATA)
        for length, error in ((9, TooLarge), (10, None), (11, BadRequest)):
            if error is None:
                done = await drop.bring(made.id, b"", offset=10, length=length)
                assert (done.state, done.length) == (State.RECEIVED, 10)
            else:
                with pytest.raises(error):
                    await drop.bring(made.id, b"", offset=10, length=length)


@pytest.mark.gen_test
@pytest.mark.parametrize("last", [True, False])
async def test_a_chunk_that_is_not_the_one_that_was_named(tmp_path: Path, last: bool) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        await drop.bring(made.id, DATA[:2])
        end = 10 if last else 6
        with pytest.raises(ChecksumMismatch):
            await drop.bring(made.id, DATA[2:end], offset=2, checksum=named(b"other"))
        assert drop.spool.path(made.id).read_bytes() == DATA[:2]
        await drop.bring(made.id, DATA[2:6], offset=2, checksum=named(DATA[2:6]))
        done = await drop.bring(made.id, DATA[6:], offset=6, checksum=named(DATA[6:]))
        assert (done.checksum, done.proven) == (sha1(DATA), None)


@pytest.mark.gen_test
@pytest.mark.parametrize("how", ["cut", "died"])
async def test_half_of_a_chunk_with_a_checksum_does_not_count(tmp_path: Path, how: str) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        await drop.bring(made.id, DATA[:2])
        more = chunk(2, checksum=named(DATA[2:]))
        reception = await drop.receiver.begin(made.id, more, size=8, evict=lambda: None)
        await reception.write(b"????")
        if how == "cut":
            await drop.receiver.abandon(reception)
    async with half(tmp_path) as drop:
        _, offset = await drop.receiver.inspect(made.id)
        assert offset == 2
        assert (await drop.bring(made.id, DATA[2:], offset=2)).checksum == sha1(DATA)


@pytest.mark.gen_test
async def test_a_file_that_is_not_the_one_that_was_named(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create(sha1=sha1(b"other"))
        with pytest.raises(ChecksumMismatch):
            await drop.bring(made.id, DATA)
        assert await drop.receiver.inspect(made.id) == (made, 0)
        assert drop.received == []


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("declared", "offset"), [(None, 10), (sha1(DATA), 10), (sha1(b"other"), 0)]
)
async def test_asking_completes_what_nobody_completed(
    tmp_path: Path, declared: bytes | None, offset: int
) -> None:
    """The page takes an offset at the end for a promise; bytes that fail it are asked for anew."""
    async with half(tmp_path) as drop:
        made = await drop.create(sha1=declared)
        drop.spool.path(made.id).write_bytes(DATA)
        after, told = await drop.receiver.inspect(made.id)
        assert told == offset
        assert after == drop.db.get(made.id)
        assert [each.id for each in drop.received] == [made.id] * (offset == 10)


@pytest.mark.gen_test
async def test_many_who_ask_at_once_are_all_told_the_same_or_superseded(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        drop.spool.path(made.id).write_bytes(DATA)
        questions = [drop.receiver.inspect(made.id) for _ in range(20)]
        answers = await asyncio.gather(*questions, return_exceptions=True)
        told = [each for each in answers if not isinstance(each, Superseded)]
        assert told
        assert told == [(drop.db.get(made.id), 10)] * len(told)
        assert len(drop.received) == 1


@pytest.mark.gen_test
async def test_the_newest_takes_over_where_the_old_one_ended(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        ending: list[asyncio.Task[None]] = []

        def evict() -> None:
            if not ending:
                ending.append(asyncio.ensure_future(drop.receiver.abandon(old)))

        old = await drop.receiver.begin(made.id, chunk(), size=10, evict=evict)
        await old.write(DATA[:3])
        _, offset = await drop.receiver.inspect(made.id)
        assert offset == 3
        with pytest.raises(Superseded):
            await old.write(b"late")
        assert (await drop.bring(made.id, DATA[3:], offset=3)).checksum == sha1(DATA)


@pytest.mark.gen_test
async def test_bytes_written_at_once_stay_in_order(tmp_path: Path) -> None:
    data = os.urandom(MAX_SIZE)
    async with half(tmp_path) as drop:
        made = await drop.create(MAX_SIZE)
        reception = await drop.receiver.begin(made.id, chunk(), size=MAX_SIZE, evict=lambda: None)
        pieces = [data[start : start + 10] for start in range(0, MAX_SIZE, 10)]
        await asyncio.gather(*map(reception.write, pieces))
        assert (await drop.receiver.finish(reception)).checksum == sha1(data)


@pytest.mark.gen_test
async def test_when_the_database_does_not_answer_the_bytes_stay(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        drop.db._writer._connection.execute("PRAGMA query_only=1")
        with pytest.raises(Unavailable):
            await drop.bring(made.id, DATA)
        assert drop.received == []
        drop.db._writer._connection.execute("PRAGMA query_only=0")
        assert not drop.locker.holds(made.id)
        assert (await drop.receiver.inspect(made.id))[1] == 10
        assert [each.id for each in drop.received] == [made.id]


@pytest.mark.gen_test
async def test_when_the_disk_is_full_what_came_stays(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        reception = await drop.receiver.begin(made.id, chunk(), size=10, evict=lambda: None)
        await reception.write(DATA[:3])
        drop.disk.append(-1)
        drop.clock.pass_(1)
        with pytest.raises(DiskFull):
            await reception.write(DATA[3:])
        await drop.receiver.abandon(reception)
        assert drop.spool.offset(made.id) == 3
        with pytest.raises(DiskFull):
            await drop.bring(made.id, DATA[3:], offset=3)
        assert not drop.locker.holds(made.id)


@pytest.mark.gen_test
async def test_what_stopped_the_first_of_several_writes_stops_all(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        reception = await drop.receiver.begin(made.id, chunk(), size=10, evict=lambda: None)
        drop.spool.path(made.id).mkdir()
        writes = [reception.write(DATA[:3]), reception.write(DATA[3:])]
        await reception.settle()
        errors = [write.exception() for write in writes]
        assert isinstance(errors[0], Unavailable)
        assert "directory" in str(errors[0])
        assert errors[1] is errors[0]
        drop.spool.path(made.id).rmdir()
        await drop.receiver.abandon(reception)
        await drop.bring(made.id, DATA)


@pytest.mark.gen_test
async def test_no_file_is_left_open(tmp_path: Path) -> None:
    def open_spool_files() -> int:
        spool = str(tmp_path / "spool")
        return sum(str(fd.resolve()).startswith(spool) for fd in Path("/proc/self/fd").iterdir())

    async with half(tmp_path) as drop:
        made = await drop.create()
        for offset, size in ((3, 1), (0, 11), (0, 3)):
            try:
                await drop.bring(made.id, bytes(size), offset=offset)
            except DropError:
                assert open_spool_files() == 0
        await drop.receiver.inspect(made.id)
        assert open_spool_files() == 0


@pytest.mark.gen_test
async def test_a_length_that_is_told_late_counts_for_the_session(tmp_path: Path) -> None:
    allowance = Allowance(open_uploads=0, session_bytes=15)
    session = "s" * 22
    async with half(tmp_path, allowance=allowance) as drop:
        made = [await drop.create(None, session=session, item=str(n)) for n in range(2)]
        done = await drop.bring(made[0].id, DATA, length=10)
        assert done.state is State.RECEIVED
        await drop.bring(made[1].id, DATA[:4])
        with pytest.raises(SessionFull):
            await drop.bring(made[1].id, DATA[4:6], offset=4, length=6)
        assert drop.db.get(made[1].id) == made[1]
        assert drop.spool.offset(made[1].id) == 4
        assert not drop.locker.holds(made[1].id)
        await drop.bring(made[1].id, DATA[4:5], offset=4, length=5)


@pytest.mark.gen_test
async def test_lengths_that_are_told_at_once(tmp_path: Path) -> None:
    allowance = Allowance(open_uploads=0, session_bytes=79)
    async with half(tmp_path, allowance=allowance) as drop:
        made = [await drop.create(None, session="s" * 22, item=str(n)) for n in range(20)]
        brought = await asyncio.gather(
            *(drop.bring(each.id, DATA, length=10) for each in made), return_exceptions=True
        )
        assert [type(each) for each in brought].count(SessionFull) == 13
        assert len(drop.received) == 7


@pytest.mark.gen_test
async def test_nothing_is_written_after_what_a_thread_could_not_write(tmp_path: Path) -> None:
    """Whatever fits then: between the two there would be a gap."""
    async with half(tmp_path) as drop:
        made = await drop.create(100)
        reception = await drop.receiver.begin(made.id, chunk(), size=100, evict=lambda: None)
        ring = Ring([memoryview(bytearray(PART))])
        drop.spool.path(made.id).symlink_to("/dev/full")
        with pytest.raises(DiskFull):
            await reception.write_from(Inflow(ring=ring, ahead=50, rest=0, pull=len))
        drop.spool.path(made.id).unlink()
        with pytest.raises(DiskFull):
            await reception.write(b"x" * 50)
        await drop.receiver.abandon(reception)
        assert drop.receiver.offset(made) == 0
