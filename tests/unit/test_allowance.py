"""What one guest may have under way: by each link, and in all."""

from datetime import timedelta
from pathlib import Path

import pytest

from immich_drop.allowance import FRESH, LAPSE, MOST, PAUSE, Allowance
from immich_drop.db import Db
from immich_drop.errors import SessionFull, TooManyUploads, Unavailable
from immich_drop.upload import OWN, State, Upload
from unit.make import START, UNLIMITED, opened, upload

SESSION = "s" * 22
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


async def add(db: Db, allowance: Allowance, **fields: object) -> Upload:
    made = upload(**fields)
    return await db.add(made, also=allowance.of(made))


@pytest.mark.gen_test
async def test_unfinished_ones_are_counted_by_the_link(tmp_path: Path) -> None:
    """The guests of one wedding, behind one address, take no place from those of another."""
    two = Allowance(open_uploads=2, session_bytes=0)
    with opened(tmp_path / "state.db") as db:
        for link in ("a", "b", OWN):
            made = [await add(db, two, link=link, address=HERE) for _ in range(2)]
            with pytest.raises(TooManyUploads) as refused:
                await add(db, two, link=link, address=HERE)
            assert refused.value.retry_after == PAUSE
            await add(db, two, link=link, address=ELSEWHERE)
            await db.move(made[0], State.RECEIVED)
            await add(db, two, link=link, address=HERE)
        assert db.count()[State.RECEIVING] == 9, "what was refused is not there"


@pytest.mark.gen_test
@pytest.mark.parametrize("mine", [{"address": HERE}, {"address": ELSEWHERE, "session": SESSION}])
async def test_announced_and_left_they_take_no_place(tmp_path: Path, mine: dict[str, str]) -> None:
    """What is an hour old and has not begun is no reason to refuse who comes now."""
    begun = set[str]()
    two = Allowance(open_uploads=2, session_bytes=0, begun=lambda: begun)
    lapsed = START + LAPSE + FRESH + timedelta(seconds=1)
    with opened(tmp_path / "state.db") as db:
        made = [await add(db, two, created_at=START, **mine) for _ in range(2)]
        with pytest.raises(TooManyUploads):
            await add(db, two, created_at=START + LAPSE, **mine)
        await add(db, two, created_at=lapsed, **mine)
        begun.add(made[0].id)
        later = lapsed + FRESH + timedelta(seconds=1)
        with pytest.raises(TooManyUploads):
            await add(db, two, created_at=later, **mine)
        await db.move(made[0], State.RECEIVED)
        later += FRESH + timedelta(seconds=1)
        await add(db, two, created_at=later, **mine)
        with pytest.raises(TooManyUploads):
            await add(db, two, created_at=later, **mine)
        assert db.get(made[1].id), "who comes back in time goes on"


@pytest.mark.gen_test
async def test_who_announces_without_end_is_stopped(tmp_path: Path) -> None:
    one, moment = Allowance(open_uploads=1, session_bytes=0, begun=set), START
    with opened(tmp_path / "state.db") as db:
        for _ in range(MOST):
            await add(db, one, created_at=moment, address=HERE)
            moment += LAPSE + timedelta(seconds=1)
        with pytest.raises(TooManyUploads):
            await add(db, one, created_at=moment, address=HERE)


@pytest.mark.gen_test
async def test_the_disk_is_not_asked_each_time(tmp_path: Path) -> None:
    """The writer of all rows waits for it."""
    asked = 0

    def begun() -> set[str]:
        nonlocal asked
        asked += 1
        return set()

    fifty = Allowance(open_uploads=50, session_bytes=0, begun=begun)
    with opened(tmp_path / "state.db") as db:
        for _ in range(50):
            await add(db, fifty, address=HERE)
        assert asked == 0
        moment = START + LAPSE
        for _ in range(50):
            moment += timedelta(milliseconds=10)
            await add(db, fifty, created_at=moment, address=HERE)
        assert asked == 1
        with pytest.raises(TooManyUploads):
            await add(db, fifty, created_at=moment, address=HERE)


@pytest.mark.gen_test
async def test_while_the_disk_does_not_answer_all_count_and_the_database_is_well(
    tmp_path: Path,
) -> None:
    def gone() -> set[str]:
        raise Unavailable("unplugged")

    one = Allowance(open_uploads=1, session_bytes=0, begun=gone)
    with opened(tmp_path / "state.db") as db:
        await add(db, one, created_at=START, address=HERE)
        with pytest.raises(TooManyUploads):
            await add(db, one, created_at=START + 2 * LAPSE, address=HERE)
        db.ping()


@pytest.mark.gen_test
async def test_bytes_are_counted_by_the_session(tmp_path: Path) -> None:
    ten = Allowance(open_uploads=0, session_bytes=10)
    with opened(tmp_path / "state.db") as db:
        await add(db, ten, length=6, session=SESSION)
        with pytest.raises(SessionFull):
            await add(db, ten, length=5, session=SESSION)
        deferred = await add(db, ten, length=None, session=SESSION)
        with pytest.raises(SessionFull):
            await db.change(deferred, length=5, also=ten.bytes_of(deferred))
        await db.change(deferred, length=4, also=ten.bytes_of(deferred))
        await add(db, ten, length=10, session="t" * 22)
        for _ in range(3):
            await add(db, ten, length=10, session=None)


@pytest.mark.gen_test
async def test_no_limit_is_none(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        for _ in range(30):
            await add(db, UNLIMITED, length=10**15, session=SESSION, address=HERE)
        assert db.count()[State.RECEIVING] == 30
