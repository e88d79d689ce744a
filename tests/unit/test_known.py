"""Known: a hash in place of a transfer, but never in place of the file."""

from pathlib import Path

import pytest

from immich_drop.errors import RateLimited
from immich_drop.known import Known
from immich_drop.limits import Rate
from immich_drop.standin import Fault, Kind
from immich_drop.upload import OWN, State
from unit.delivering import Half, half
from unit.make import Clock, sha1
from unit.outwards import outwards

HERE, ELSEWHERE, UNKNOWN = b"came through here", b"came another way", b"never seen"
WAITS, UNFINISHED, REFUSED = b"is on its way", b"is half here", b"was refused"
ALL = [sha1(each) for each in (HERE, ELSEWHERE, UNKNOWN, WAITS, UNFINISHED, REFUSED)]


async def prepare(drop: Half) -> None:
    made = [await drop.bring(data) for data in (HERE, ELSEWHERE)]
    for each in made:
        await drop.settled(each.id)
    await drop.ledger.forget(sha1(ELSEWHERE), link=OWN)
    for data, state in (
        (WAITS, State.RECEIVED),
        (UNFINISHED, State.RECEIVING),
        (REFUSED, State.FAILED),
    ):
        await drop.receive(data, state=state)


def known(drop: Half, scope: str, *, per_minute: int = 0, has_album: bool = False) -> Known:
    return Known(
        scope=scope,
        has_album=has_album,
        db=drop.db,
        ledger=drop.ledger,
        destinations=drop.destinations,
        rate=Rate(per_minute, clock=Clock()),
    )


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("scope", "answer"),
    [("off", set()), ("drop", {HERE, WAITS}), ("library", {HERE, ELSEWHERE, WAITS})],
)
async def test_what_each_scope_tells(tmp_path: Path, scope: str, answer: set[bytes]) -> None:
    async with half(tmp_path) as drop:
        await prepare(drop)
        told = await known(drop, scope).among(ALL, link=OWN, address="a")
        assert told == {sha1(each) for each in answer}
        assert await known(drop, scope).among([], link=OWN, address="a") == set()


@pytest.mark.gen_test
@pytest.mark.parametrize("scope", ["drop", "library"])
async def test_what_was_deleted_in_immich_is_not_known(tmp_path: Path, scope: str) -> None:
    async with half(tmp_path) as drop:
        await prepare(drop)
        for number, asset in enumerate(drop.standin.assets):
            if number:
                drop.standin.library.remove(asset)
            else:
                asset.trashed = True
        assert await known(drop, scope).among(ALL, link=OWN, address="a") == {sha1(WAITS)}


@pytest.mark.gen_test
@pytest.mark.parametrize("scope", ["drop", "library"])
@pytest.mark.parametrize("permissions", [("all",), ("asset.upload",)])
async def test_what_may_be_in_the_trash_is_not_known(
    tmp_path: Path, scope: str, permissions: tuple[str, ...]
) -> None:
    """Before 1.141 the lesser key is not told."""
    async with half(tmp_path, version=(1, 140, 1), permissions=permissions) as drop:
        await prepare(drop)
        for asset in drop.standin.assets:
            asset.trashed = True
        assert await known(drop, scope).among(ALL, link=OWN, address="a") == {sha1(WAITS)}


@pytest.mark.gen_test
@pytest.mark.parametrize("permissions", [("all",), ("asset.upload",)])
async def test_a_row_without_its_file_is_not_known(
    tmp_path: Path, permissions: tuple[str, ...]
) -> None:
    """Immich before 3.1 keeps such rows, of any program's uploads."""
    async with half(tmp_path, version=(3, 0, 3), permissions=permissions) as drop:
        await prepare(drop)
        for asset in drop.standin.assets:
            if asset.checksum == sha1(ELSEWHERE):
                asset.file = None
        told = await known(drop, "library").among(ALL, link=OWN, address="a")
        assert told == {sha1(HERE), sha1(WAITS)}


@pytest.mark.gen_test
async def test_what_is_to_join_an_album_is_sent(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        await prepare(drop)
        told = await known(drop, "library", has_album=True).among(ALL, link=OWN, address="a")
        assert told == {sha1(HERE), sha1(WAITS)}


@pytest.mark.gen_test
@pytest.mark.parametrize("scope", ["drop", "library"])
async def test_when_immich_does_not_answer_the_file_is_rather_sent(
    tmp_path: Path, scope: str
) -> None:
    async with half(tmp_path) as drop:
        await prepare(drop)
        drop.standin.faults.add(Fault(kind=Kind.HTML, match=".*", status=502, times=None))
        assert await known(drop, scope).among(ALL, link=OWN, address="a") == {sha1(WAITS)}


@pytest.mark.gen_test
@pytest.mark.parametrize("since", ["nothing", "trashed", "taken out", "elsewhere"])
async def test_by_a_link_only_what_is_in_its_album_is_known(tmp_path: Path, since: str) -> None:
    async with outwards(tmp_path, fallback=since == "elsewhere") as drop:
        link = await drop.share("Wedding")
        drop.change(link, allow_upload=since != "elsewhere")
        await drop.settled(await drop.bring(HERE, link.id))
        drop.change(link, allow_upload=True)
        (asset,) = drop.standin.assets
        asset.trashed = since == "trashed"
        if since == "taken out":
            drop.standin.album("Wedding").assets.clear()
        asked = Known(
            scope="drop",
            has_album=False,
            db=drop.db,
            ledger=drop.ledger,
            destinations=drop.destinations,
            rate=Rate(0, clock=Clock()),
        )
        told = await asked.among(ALL, link=link.id, address="a")
        assert told == ({sha1(HERE)} if since == "nothing" else set())


@pytest.mark.gen_test
async def test_questions_are_counted_by_the_checksum(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        asked = known(drop, "drop", per_minute=10)
        await asked.among(ALL, link=OWN, address="a")
        with pytest.raises(RateLimited):
            await asked.among(ALL, link=OWN, address="a")
        await asked.among(ALL, link=OWN, address="b")
