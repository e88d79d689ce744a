"""Uploads whose link was closed: they wait, or go into the host's own library, once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from immich_drop.deliver import ImmichCourier
from immich_drop.errors import Damaged, ImmichHold, ImmichKeyRejected, ImmichRefused, LinkRevoked
from immich_drop.immich import ShareKey
from immich_drop.link_courier import LinkCourier
from immich_drop.standin import Fault, Kind, Link
from immich_drop.upload import State
from unit.make import sha1
from unit.outwards import Outwards, outwards

pytestmark = pytest.mark.usefixtures("soon")

PHOTO = b"a photo" * 100
SEND = "POST /assets"

CLOSINGS: list[Callable[[Outwards, Link], object]] = [
    lambda drop, link: drop.standin.library.remove_link(link),
    lambda drop, link: drop.change(link, allow_upload=False),
    lambda drop, link: drop.change(link, expires_at=link.created_at),
]


def courier(drop: Outwards, key: str) -> ImmichCourier:
    immich = drop.factory.immich(ShareKey(key))
    return ImmichCourier(
        immich=immich,
        album=None,
        ledger=drop.ledger,
        spool=drop.spool,
        slots=asyncio.Semaphore(1),
    )


def link_courier(drop: Outwards, link: Link) -> LinkCourier:
    way = courier(drop, link.key)
    return LinkCourier(way, instead=drop.factory._courier, book=drop.book)


@pytest.mark.gen_test
@pytest.mark.parametrize("close", CLOSINGS, ids=["deleted", "no upload", "expired"])
async def test_they_wait_and_the_reason_is_said(
    tmp_path: Path, close: Callable[[Outwards, Link], object], caplog: pytest.LogCaptureFixture
) -> None:
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        close(drop, link)
        made = [await drop.bring(PHOTO + bytes([n]), link.id) for n in range(9)]
        row = await drop.waiting(made[0], "link_revoked")
        assert row.state is State.RECEIVED
        (reason,) = drop.destinations.holds()
        assert isinstance(reason, LinkRevoked)
        assert link.id in str(reason)
        said = [each for each in caplog.messages if "link_revoked" in each]
        assert len(said) == 1, "once, not for each file"
        assert link.key not in caplog.text
        assert drop.standin.assets == []


@pytest.mark.gen_test
@pytest.mark.parametrize("close", CLOSINGS, ids=["deleted", "no upload", "expired"])
async def test_or_they_go_into_the_hosts_own_library(
    tmp_path: Path, close: Callable[[Outwards, Link], object]
) -> None:
    async with outwards(tmp_path, fallback=True, album="Strays") as drop:
        anna = drop.standin.add_user("Anna").user
        link = await drop.share("Wedding", owner=anna)
        close(drop, link)
        made = [await drop.bring(PHOTO + bytes([n % 3]), link.id) for n in range(6)]
        for each in made:
            await drop.settled(each)
        assert {asset.owner for asset in drop.standin.assets} == {drop.standin.user.id}
        assert len(drop.inside("Strays")) == 3
        assert drop.inside("Wedding") == []
        assert list(drop.destinations.holds()) == []


@pytest.mark.gen_test
@pytest.mark.parametrize("fallback", [False, True])
@pytest.mark.parametrize("close", CLOSINGS, ids=["deleted", "no upload", "expired"])
async def test_no_more_are_taken_then(
    tmp_path: Path, close: Callable[[Outwards, Link], object], fallback: bool
) -> None:
    """Of a link with a password we may not hear it in any other way."""
    async with outwards(tmp_path, fallback=fallback) as drop:
        link, other = await drop.share("Wedding"), await drop.share("Club")
        close(drop, link)
        made = await drop.bring(PHOTO, link.id)
        await (drop.settled(made) if fallback else drop.waiting(made, "link_revoked"))
        shut, open_ = drop.book.get(link.id), drop.book.get(other.id)
        assert shut is not None
        assert not shut.allow_upload
        assert open_ is not None
        assert open_.allow_upload


@pytest.mark.gen_test
async def test_only_a_closed_link_is_left_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with outwards(tmp_path, fallback=True) as drop:
        anna = drop.standin.add_user("Anna").user
        link = await drop.share("Wedding", owner=anna)
        drop.standin.faults.add(
            Fault(kind=Kind.HTML, status=401, match=SEND),
            Fault(kind=Kind.ERROR_BEFORE_INSERT, match=SEND),
            Fault(kind=Kind.QUOTA, match=SEND),
            Fault(kind=Kind.STATUS, status=403, message="No", match=SEND),
            Fault(kind=Kind.MAINTENANCE, match=SEND),
        )
        made = await drop.bring(PHOTO, link.id)
        await drop.settled(made)
        assert {asset.owner for asset in drop.standin.assets} == {anna.id}
        assert "own library" not in caplog.text
        kept = drop.book.get(link.id)
        assert kept is not None
        assert kept.allow_upload


@pytest.mark.gen_test
async def test_when_neither_is_open_it_waits_for_either(tmp_path: Path) -> None:
    async with outwards(tmp_path, fallback=True, api_key="revoked too") as drop:
        link = await drop.share("Wedding")
        drop.change(link, allow_upload=False)
        made = await drop.bring(PHOTO, link.id)
        await drop.waiting(made, "immich_key")
        (reason,) = drop.destinations.holds()
        assert isinstance(reason, ImmichKeyRejected)
        assert not isinstance(reason, LinkRevoked)
        drop.change(link, allow_upload=True)
        await drop.settled(made)
        assert drop.inside("Wedding") == ["photo.jpg"]


@pytest.mark.gen_test
async def test_what_got_in_before_the_link_was_closed_is_there_once(tmp_path: Path) -> None:
    """We died between Immich's answer and our row, and the link was deleted meanwhile."""
    async with outwards(tmp_path, fallback=True) as drop:
        link = await drop.share("Wedding")
        made = await drop.receive(PHOTO, link.id)
        first = await courier(drop, link.key).deliver(made, sent=lambda _: None)
        drop.standin.library.remove_link(link)
        drop.destinations.push(made)
        assert (await drop.settled(made)).asset_id == first.asset_id
        assert len(drop.standin.assets) == 1


@pytest.mark.gen_test
async def test_what_we_sent_before_is_no_duplicate(tmp_path: Path) -> None:
    """Its answer was lost; the host should hear of it as of any other photo."""
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        for offered, state in ((True, State.STORED), (False, State.DUPLICATE)):
            made = await drop.receive(PHOTO, link.id, offered=offered)
            await courier(drop, link.key).deliver(made, sent=lambda _: None)
            drop.destinations.push(made)
            assert (await drop.settled(made)).state is state


@pytest.mark.gen_test
async def test_a_closed_link_is_sent_no_gigabytes(tmp_path: Path) -> None:
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        drop.standin.library.remove_link(link)
        await drop.waiting(await drop.bring(PHOTO, link.id), "link_revoked")
        assert max(each.received for each in drop.standin.exchanges) < len(PHOTO)


@pytest.mark.gen_test
async def test_while_immich_is_down_one_at_a_time_tries(tmp_path: Path) -> None:
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        await drop.standin.down()
        made = [await drop.bring(PHOTO + bytes([n]), link.id) for n in range(9)]
        await drop.waiting(made[0], "immich_unavailable")
        assert [reason.code for reason in drop.destinations.holds()] == ["immich_unavailable"]
        drop.standin.up()
        for each in made:
            await drop.settled(each)


@pytest.mark.gen_test
@pytest.mark.parametrize("open_", [True, False])
async def test_what_changed_on_our_disk_gets_nowhere(tmp_path: Path, open_: bool) -> None:
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        if not open_:
            drop.standin.library.remove_link(link)
        way = link_courier(drop, link)
        made = await drop.receive(PHOTO, link.id)
        drop.spool.path(made.id).write_bytes(PHOTO[::-1])
        way.doubt(made.id)
        with pytest.raises(Damaged):
            await way.deliver(made, sent=lambda _: None)
        assert drop.standin.assets == []


@pytest.mark.gen_test
@pytest.mark.parametrize("open_", [True, False])
async def test_the_hosts_library_remembers_nothing_of_it(tmp_path: Path, open_: bool) -> None:
    """Its courier serves all links, for months."""
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        if not open_:
            drop.standin.library.remove_link(link)
        way = link_courier(drop, link)
        made = await drop.receive(PHOTO, link.id)
        way.doubt(made.id)
        await way.deliver(made, sent=lambda _: None)
        assert drop.factory._courier._doubted == set()


@pytest.mark.gen_test
async def test_a_refusal_of_the_file_is_one(tmp_path: Path) -> None:
    async with outwards(tmp_path, fallback=True) as drop:
        link = await drop.share("Wedding")
        made = await drop.bring(PHOTO, link.id, name="notes.txt")
        row = await drop.until(made, lambda row: row.state is State.FAILED)
        assert row.code == "immich_type_refused"
        assert drop.ledger.known([sha1(PHOTO)], link=link.id) == set()


def test_to_wait_for_a_link_is_to_wait() -> None:
    assert issubclass(LinkRevoked, ImmichHold)
    assert not issubclass(LinkRevoked, ImmichRefused)


@pytest.mark.gen_test
async def test_a_twin_in_the_trash_is_waited_for(tmp_path: Path) -> None:
    """Immich calls it a duplicate, and deletes it for good some day: ours may be the last copy."""
    async with outwards(tmp_path) as drop:
        await drop.settled(await drop.bring(PHOTO))
        (asset,) = drop.standin.assets
        asset.trashed = True
        link = await drop.share("Wedding")
        made = await drop.bring(PHOTO, link.id)
        row = await drop.until(made, lambda row: row.attempts >= 6)
        assert (row.state, row.code) == (State.RECEIVED, "immich_unverified")
        whole = [each for each in drop.standin.exchanges if each.received > len(PHOTO)]
        assert len(whole) == 1 + 4, "at first, and after one, two and four attempts"
        assert drop.spool.path(made.id).read_bytes() == PHOTO
        asset.trashed = False
        await drop.settled(made)
        assert drop.inside("Wedding") == ["photo.jpg"]
        assert drop.standin.assets == [asset]


@pytest.mark.gen_test
async def test_a_twin_that_joined_no_album_while_in_the_trash(tmp_path: Path) -> None:
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        # Twice, for the question is a POST as well.
        drop.standin.faults.add(Fault(kind=Kind.TRASHED_TWIN, times=2))
        made = await drop.bring(PHOTO, link.id)
        await drop.until(made, lambda row: row.attempts >= 4)
        (asset,) = drop.standin.assets
        asset.trashed = False
        await drop.settled(made)
        assert drop.inside("Wedding") == ["photo.jpg"]
        assert drop.standin.assets == [asset]


@pytest.mark.gen_test
async def test_where_the_host_hides_metadata_immich_is_believed(tmp_path: Path) -> None:
    async with outwards(tmp_path) as drop:
        await drop.settled(await drop.bring(PHOTO))
        link = await drop.share("Wedding")
        drop.change(link, show_metadata=False)
        row = await drop.settled(await drop.bring(PHOTO, link.id))
        assert row.state is State.DUPLICATE
        assert drop.inside("Wedding") == ["photo.jpg"]


@pytest.mark.gen_test
async def test_but_not_after_an_upload_of_ours_that_may_have_left_a_row_without_its_file(
    tmp_path: Path,
) -> None:
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        drop.change(link, show_metadata=False)
        # Twice, for the question is a POST as well.
        drop.standin.faults.add(Fault(kind=Kind.ERROR_AFTER_INSERT, match=SEND, times=2))
        made = await drop.bring(PHOTO, link.id)
        await drop.waiting(made, "immich_unverified")
        assert drop.spool.path(made.id).read_bytes() == PHOTO
        (orphan,) = drop.standin.assets
        drop.standin.library.remove(orphan)
        await drop.settled(made)
        assert drop.inside("Wedding") == ["photo.jpg"]
