"""What is swept away is what nobody needs, and nothing else: not even by mistake."""

import asyncio
import os
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from immich_drop.errors import Unavailable
from immich_drop.sweep import LOOK, MEMORY
from immich_drop.upload import SETTLED, State
from unit.make import START, Clock, sha1, upload
from unit.receiving import Half, chunk, half

HOUR = 3600.0
DAY = 86400.0
YEARS = 20_000 * DAY
DATA = b"ten bytes!"


def age(half: Half, upload_id: str) -> None:
    """Make a file as old as the clock's beginning."""
    moment = half.clock.now().timestamp() - half.clock.seconds
    os.utime(half.spool.path(upload_id), (moment, moment))


@pytest.mark.gen_test
async def test_files_of_settled_uploads_are_deleted(tmp_path: Path) -> None:
    async with half(tmp_path) as first:
        ids = {}
        for state in State:
            ids[state] = (await first.db.add(upload(state=state))).id
            first.spool.path(ids[state]).write_bytes(DATA)
        (tmp_path / "spool" / "IMG_0001.jpg").write_bytes(DATA)
    async with half(tmp_path) as second:
        assert second.spool.ids() == {ids[state] for state in set(State) - SETTLED}
        assert (tmp_path / "spool" / "IMG_0001.jpg").exists(), "it was never ours"


@pytest.mark.gen_test
async def test_what_was_discarded_when_we_died_is_gone_after_the_start(tmp_path: Path) -> None:
    async with half(tmp_path) as first:
        made = await first.create()
        await first.bring(made.id, DATA[:5])
        first.spool._disk.close()
        with pytest.raises(RuntimeError):  # no thread deletes the file any more
            await first.lifetime.terminate(made.id)
        assert first.db.get(made.id) is None
        assert first.spool.ids() == {made.id}
    async with half(tmp_path) as second:
        assert second.spool.ids() == set()
    async with half(tmp_path) as third:
        assert third.db.read("SELECT * FROM facts WHERE key GLOB 'discarded*'") == []


@pytest.mark.gen_test
@pytest.mark.parametrize("emptied", [False, True])
async def test_a_lost_database_never_costs_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, emptied: bool
) -> None:
    """The files may be the only copies there are; a container may start many times a night."""
    async with half(tmp_path) as first:
        made = await first.create()
        await first.bring(made.id, DATA)
    old = (tmp_path / "db").rename(tmp_path / "old")
    if emptied:
        (tmp_path / "db").touch()
    for _ in range(3):
        caplog.clear()
        async with half(tmp_path) as later:
            assert later.spool.ids() == {made.id}
            assert "1 files" in caplog.text
    old.replace(tmp_path / "db")
    async with half(tmp_path) as restored:
        assert restored.spool.ids() == {made.id}
        assert restored.db.in_state(State.RECEIVED) == [restored.db.get(made.id)]


@pytest.mark.gen_test
async def test_a_spool_that_is_not_there_is_said_and_nothing_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The folder of a disk that is not mounted is empty."""
    async with half(tmp_path) as first:
        made = await first.create()
        await first.bring(made.id, DATA)
    (tmp_path / "spool").rename(tmp_path / "unplugged")
    async with half(tmp_path) as later:
        assert "lacks 1 files" in caplog.text
        assert [row.id for row in later.db.in_state(State.RECEIVED)] == [made.id]


@pytest.mark.gen_test
async def test_a_backup_put_back_never_costs_what_came_after_it(tmp_path: Path) -> None:
    async with half(tmp_path) as first:
        before = await first.create()
        await first.bring(before.id, DATA)
    backup = (tmp_path / "db").read_bytes()
    async with half(tmp_path) as second:
        after = await second.create()
        await second.bring(after.id, DATA)
    (tmp_path / "db").write_bytes(backup)
    async with half(tmp_path) as restored:
        await restored.sweeper.expire()
        assert restored.spool.ids() == {before.id, after.id}


@pytest.mark.gen_test
async def test_no_row_is_forgotten_before_its_file(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        settled = await drop.db.add(upload(state=State.STORED))
        drop.spool.path(settled.id).write_bytes(DATA)
        drop.clock.pass_(MEMORY.total_seconds() + DAY)
        await drop.sweeper.expire()
        assert drop.db.get(settled.id) is None
        assert drop.spool.ids() == set()


@pytest.mark.gen_test
async def test_only_what_is_unfinished_and_silent_expires(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        silent, active, complete, untouched = [await drop.create() for _ in range(4)]
        await drop.bring(silent.id, DATA[:5])
        await drop.bring(complete.id, DATA)
        age(drop, silent.id)
        age(drop, complete.id)
        drop.clock.pass_(3 * DAY)
        await drop.bring(active.id, DATA[:5])
        moment = drop.clock.now().timestamp()
        os.utime(drop.spool.path(active.id), (moment, moment))
        await drop.sweeper.expire()
        assert drop.db.get(silent.id) is drop.db.get(untouched.id) is None
        assert drop.spool.ids() == {active.id, complete.id}
        assert drop.db.get(complete.id) is not None


@pytest.mark.gen_test
async def test_nothing_expires_while_the_disk_is_gone(tmp_path: Path) -> None:
    """Bytes of an hour ago may lie there, of an upload that began days ago."""
    async with half(tmp_path) as drop:
        made = await drop.create()
        drop.clock.pass_(3 * DAY)
        await drop.bring(made.id, DATA[:5])
        moment = drop.clock.now().timestamp()
        os.utime(drop.spool.path(made.id), (moment, moment))
        (tmp_path / "spool").rename(tmp_path / "unplugged")
        drop.clock.pass_(HOUR)
        with pytest.raises(Unavailable):
            await drop.sweeper.expire()
        (tmp_path / "unplugged").rename(tmp_path / "spool")
        await drop.sweeper.expire()
        assert drop.db.get(made.id) is not None
        assert drop.spool.ids() == {made.id}


@pytest.mark.gen_test
async def test_what_is_given_up_while_the_disk_is_gone_is_deleted_when_it_is_back(
    tmp_path: Path,
) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        await drop.bring(made.id, DATA[:5])
        (tmp_path / "spool").rename(tmp_path / "unplugged")
        with pytest.raises(Unavailable):
            await drop.lifetime.terminate(made.id)
        (tmp_path / "unplugged").rename(tmp_path / "spool")
        await drop.sweeper.expire()
        assert drop.spool.ids() == set()


@pytest.mark.gen_test
async def test_an_upload_that_is_finished_while_others_expire_stays(tmp_path: Path) -> None:
    """It takes time to delete what expired; one further down the list may end meanwhile."""
    async with half(tmp_path) as drop:
        expiring = [await drop.create() for _ in range(20)]
        for each in expiring:
            await drop.bring(each.id, DATA[:9])
            age(drop, each.id)
        drop.clock.pass_(3 * DAY)
        sweep = asyncio.create_task(drop.sweeper.expire())
        late = expiring[-1]
        done = await drop.bring(late.id, DATA[9:], offset=9)
        assert done.state is State.RECEIVED
        age(drop, late.id)
        await sweep
        assert drop.db.get(late.id) == done
        assert drop.spool.path(late.id).read_bytes() == DATA
        assert drop.spool.ids() == {late.id}


async def left_lying(half: Half) -> set[str]:
    """Have an upload with some bytes and one with none, both as old as the clock's beginning."""
    partial, untouched = await half.create(), await half.create()
    await half.bring(partial.id, DATA[:5])
    age(half, partial.id)
    return {partial.id, untouched.id}


async def left(half: Half) -> set[str]:
    """Give what is left after a look."""
    await half.sweeper.expire()
    return {each.id for each in half.db.in_state(State.RECEIVING)}


@pytest.mark.gen_test
@pytest.mark.parametrize("by", [HOUR, 3 * DAY, YEARS])
async def test_a_clock_that_jumps_ahead_expires_nothing(tmp_path: Path, by: float) -> None:
    """A board without a battery starts in 1970 and hears of the year later; a machine sleeps."""
    async with half(tmp_path) as drop:
        ids = await left_lying(drop)
        for _ in range(2):
            drop.clock.pass_(LOOK)
            assert await left(drop) == ids
        drop.clock.jump(by)
        assert await left(drop) == ids
        drop.clock.pass_(2 * DAY - 2 * LOOK)
        assert await left(drop) == ids
        drop.clock.pass_(1)
        assert await left(drop) == set(), "its time did not begin anew"


@pytest.mark.gen_test
async def test_a_clock_that_jumps_back_keeps_nothing_for_ever(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        ids = await left_lying(drop)
        drop.clock.jump(-YEARS)
        assert await left(drop) == ids
        drop.clock.pass_(2 * DAY)
        assert await left(drop) == ids
        drop.clock.pass_(1)
        assert await left(drop) == set()


@pytest.mark.gen_test
async def test_a_night_for_which_the_drop_was_off_is_no_silence(tmp_path: Path) -> None:
    clock = Clock()
    async with half(tmp_path, clock=clock) as evening:
        ids = await left_lying(evening)
        clock.pass_(DAY)
        assert await left(evening) == ids
    clock.pass_(3 * DAY)
    async with half(tmp_path, clock=clock) as morning:
        assert await left(morning) == ids
        clock.pass_(DAY)
        assert await left(morning) == ids
        clock.pass_(1)
        assert await left(morning) == set()


@pytest.mark.gen_test
async def test_restarts_do_not_keep_an_upload_alive(tmp_path: Path) -> None:
    clock = Clock()
    async with half(tmp_path, clock=clock) as first:
        ids = await left_lying(first)
        assert await left(first) == ids
    for _ in range(int(2 * DAY / LOOK)):
        clock.pass_(LOOK)
        async with half(tmp_path, clock=clock) as later:
            assert await left(later) == ids
    clock.pass_(1)
    async with half(tmp_path, clock=clock) as last:
        assert await left(last) == set()


@pytest.mark.gen_test
async def test_a_start_with_a_wrong_clock(tmp_path: Path) -> None:
    """The right one comes while the drop runs, or after its next start."""
    clock = Clock()
    async with half(tmp_path, clock=clock) as before:
        ids = await left_lying(before)
        await before.sweeper.expire()
    clock.jump(-START.timestamp())
    async with half(tmp_path, clock=clock) as wrong:
        assert await left(wrong) == ids
        ids |= await left_lying(wrong)
        clock.jump(START.timestamp())
        assert await left(wrong) == ids
        clock.jump(-START.timestamp())
        assert await left(wrong) == ids
    clock.jump(START.timestamp())
    async with half(tmp_path, clock=clock) as right:
        assert await left(right) == ids
        clock.pass_(2 * DAY + 1)
        assert await left(right) == set()


@pytest.mark.gen_test
async def test_a_reception_under_way_does_not_expire(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        await drop.bring(made.id, DATA[:5])
        async with drop.locker.enter(made.id):
            age(drop, made.id)
            drop.clock.pass_(3 * DAY)
            await drop.sweeper.expire()
        assert drop.db.get(made.id) is not None


@pytest.mark.gen_test
@pytest.mark.parametrize("declared", [None, sha1(DATA), sha1(b"other")])
async def test_all_bytes_and_nobody_said_so(tmp_path: Path, declared: bytes | None) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create(sha1=declared)
        drop.spool.path(made.id).write_bytes(DATA)
        await drop.sweeper.expire()
        after = drop.db.get(made.id)
        assert after is not None
        if declared == sha1(b"other"):
            assert (after.state, drop.spool.offset(made.id)) == (State.RECEIVING, 0)
            assert drop.received == []
        else:
            assert (after.state, after.checksum) == (State.RECEIVED, sha1(DATA))
            assert drop.received == [after]


@pytest.mark.gen_test
async def test_all_bytes_are_promised_before_anything_expires(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        drop.spool.path(made.id).write_bytes(DATA)
        age(drop, made.id)
        drop.clock.pass_(3 * DAY)
        await drop.sweeper.expire()
        assert [each.id for each in drop.received] == [made.id]


@pytest.mark.gen_test
async def test_a_chunk_that_was_never_proven_is_no_promise(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.create()
        drop.spool.path(made.id).write_bytes(DATA)
        await drop.db.change(made, proven=4)
        await drop.sweeper.expire()
        assert drop.received == []


@pytest.mark.gen_test
async def test_settled_rows_are_forgotten_in_the_end(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        rows = [await drop.db.add(upload(state=state)) for state in State]
        drop.clock.pass_(MEMORY.total_seconds())
        await drop.sweeper.expire()
        assert drop.db.count()[State.STORED] == 1
        drop.clock.pass_(timedelta(seconds=1).total_seconds())
        await drop.sweeper.expire()
        left = {row.state for row in rows if drop.db.get(row.id)}
        assert left == {State.RECEIVED, State.FAILED}


@pytest.mark.gen_test
async def test_nobody_who_begins_meanwhile_is_sent_away(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = [await drop.create() for _ in range(50)]
        evicted: list[str] = []

        async def begin_all() -> None:
            for each in made:
                gone = partial(evicted.append, each.id)
                await drop.receiver.begin(each.id, chunk(0), size=10, evict=gone)
                await asyncio.sleep(0)

        await asyncio.gather(drop.sweeper.expire(), begin_all())
        assert evicted == []
