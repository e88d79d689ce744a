"""Creations: one upload for one file, and none beyond the limits."""

import asyncio
from pathlib import Path

import pytest

from immich_drop.allowance import Allowance
from immich_drop.errors import (
    DiskFull,
    DropError,
    RateLimited,
    SessionFull,
    StateConflict,
    TooManyUploads,
    TypeNotAccepted,
    Unavailable,
)
from immich_drop.upload import State, is_id
from unit.make import sha1
from unit.receiving import MAX_SIZE, half

S = "s" * 22


@pytest.mark.gen_test
async def test_what_is_written_down(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create(7, raw="raw", session=S, item="1", sha1=sha1(b"x"))
        assert is_id(made.id)
        assert (made.length, made.session, made.item, made.metadata) == (7, S, "1", "raw")
        assert (made.declared, made.state) == (sha1(b"x"), State.RECEIVING)
        assert drop.db.get(made.id) == made
        assert (await drop.create(item="1")).item is None, "without a session it means nothing"


@pytest.mark.gen_test
async def test_a_lost_201_makes_no_twin(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create(session=S, item="1")
        again = await asyncio.gather(*(drop.create(session=S, item="1") for _ in range(10)))
        assert set(again) == {made}
        together = await asyncio.gather(*(drop.create(session=S, item="2") for _ in range(10)))
        assert len({each.id for each in together}) == 1
        assert set(drop.room._reservations) == {made.id, together[0].id}
        others = [await drop.create(session="t" * 22, item="1"), await drop.create(item="1")]
        assert made.id not in {each.id for each in others}
        with pytest.raises(StateConflict):
            await drop.create(11, session=S, item="1")
        done = await drop.bring(made.id, b"ten bytes!")
        assert await drop.create(session=S, item="1") == done


@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["a.exe", "a", "a.jpg.exe", "jpg"])
async def test_types_that_immich_does_not_take(tmp_path: Path, name: str) -> None:
    async with half(tmp_path) as drop:
        with pytest.raises(TypeNotAccepted):
            await drop.create(name=name)


@pytest.mark.gen_test
async def test_unfinished_uploads_of_a_session_and_of_an_address(tmp_path: Path) -> None:
    allowance = Allowance(open_uploads=2, session_bytes=0)
    async with half(tmp_path, allowance=allowance) as drop:
        first = await drop.create(session=S, item="1")
        await drop.create(session=S, item="2")
        for session in (S, "t" * 22, None):
            with pytest.raises(TooManyUploads):
                await drop.create(session=session)
        assert await drop.create(session=S, item="1") == first
        await drop.bring(first.id, b"ten bytes!")
        await drop.create(session="t" * 22)


@pytest.mark.gen_test
async def test_bytes_of_a_session(tmp_path: Path) -> None:
    allowance = Allowance(open_uploads=0, session_bytes=15)
    async with half(tmp_path, allowance=allowance) as drop:
        await drop.create(10, session=S)
        with pytest.raises(SessionFull):
            await drop.create(6, session=S)
        await drop.create(5, session=S)
        await drop.create(15, session="t" * 22)


@pytest.mark.gen_test
async def test_fifty_at_once_find_no_more_room_than_one_after_the_other(tmp_path: Path) -> None:
    async def attempts(folder: Path, allowance: Allowance) -> list[object]:
        async with half(folder, allowance=allowance) as drop:
            made = await asyncio.gather(
                *(drop.create(10, session=S, item=str(number)) for number in range(50)),
                return_exceptions=True,
            )
            assert len(drop.db.of_session(S)) == len(drop.room._reservations) == 7
            return [type(each) for each in made]

    few = await attempts(tmp_path / "few", Allowance(open_uploads=7, session_bytes=0))
    assert few.count(TooManyUploads) == 43
    small = await attempts(tmp_path / "small", Allowance(open_uploads=0, session_bytes=79))
    assert small.count(SessionFull) == 43


@pytest.mark.gen_test
async def test_creations_per_minute(tmp_path: Path) -> None:
    async with half(tmp_path, rate=2) as drop:
        made = [await drop.create(session=S, item=str(number)) for number in range(2)]
        with pytest.raises(RateLimited):
            await drop.create()
        assert await drop.create(session=S, item="1") == made[1], "asking again costs nothing"
        drop.clock.pass_(30)
        await drop.create()


@pytest.mark.gen_test
async def test_what_is_refused_keeps_no_room(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        drop.disk.append(MAX_SIZE - 1)
        errors: list[type[DropError]] = [DiskFull, Unavailable]
        for error in errors:
            with pytest.raises(error):
                await drop.create(MAX_SIZE)
            drop.disk.append(MAX_SIZE)
            drop.clock.pass_(1)
            drop.db._writer._connection.execute("PRAGMA query_only=1")
        drop.db._writer._connection.execute("PRAGMA query_only=0")
        await drop.create(MAX_SIZE)
