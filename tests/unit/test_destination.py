"""Destinations: each link has a line of its own, and together they are not too many."""

from datetime import timedelta
from pathlib import Path

import pytest
from harness.wait import eventually

from immich_drop.errors import LinkUnknown, NotFound, StateConflict
from immich_drop.facts import noting
from immich_drop.standin import StandIn
from immich_drop.upload import OWN, State
from unit.outwards import now, outwards

pytestmark = pytest.mark.usefixtures("soon")

PHOTO = b"a photo" * 100
SESSION, OTHER_SESSION = "s" * 22, "t" * 22
SEND = "POST /assets"


@pytest.mark.gen_test
async def test_each_upload_goes_where_its_guest_came_from(tmp_path: Path) -> None:
    async with outwards(tmp_path) as drop:
        anna = drop.standin.add_user("Anna").user
        links = [await drop.share("Wedding"), await drop.share("Club", owner=anna)]
        made = [await drop.bring(PHOTO, link.id) for link in links]
        made.append(await drop.bring(PHOTO))
        assets = [(await drop.settled(each)).asset_id for each in made]
        owners = {asset.id: asset.owner for asset in drop.standin.assets}
        host = drop.standin.user.id
        assert [owners[str(asset)] for asset in assets] == [host, anna.id, host]
        assert assets[0] == assets[2], "one library has one of them"
        assert drop.inside("Wedding") == drop.inside("Club") == ["photo.jpg"]
        assert list(drop.destinations.holds()) == []


@pytest.mark.gen_test
async def test_one_link_that_was_closed_holds_up_nobody(tmp_path: Path) -> None:
    async with outwards(tmp_path, concurrency=1) as drop:
        closed, open_ = await drop.share("Wedding"), await drop.share("Club")
        drop.standin.library.remove_link(closed)
        waiting = [await drop.bring(PHOTO + bytes([n]), closed.id) for n in range(5)]
        await drop.waiting(waiting[0], "link_revoked")
        for number in range(3):
            await drop.settled(await drop.bring(PHOTO + bytes([100 + number]), open_.id))
            await drop.settled(await drop.bring(PHOTO + bytes([200 + number])))
        assert [reason.code for reason in drop.destinations.holds()] == ["link_revoked"]
        assert drop.destinations.of(OWN).gate.reason is None
        for each in waiting:
            row = drop.db.get(each.id)
            assert row is not None
            assert row.state is State.RECEIVED
            assert drop.spool.path(each.id).exists()


@pytest.mark.gen_test
async def test_what_comes_while_the_drop_stops_waits_for_the_next_start(tmp_path: Path) -> None:
    """A delivery that nobody stops would keep the process from ending."""
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        await drop.destinations.stop(0)
        made = await drop.bring(PHOTO, link.id)
        assert drop.destinations.of(link.id).forwarder._workers == []
        assert drop.db.get(made.id) == made


@pytest.mark.gen_test
async def test_it_goes_on_when_the_link_is_open_again(tmp_path: Path) -> None:
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        drop.change(link, allow_upload=False)
        made = [await drop.bring(PHOTO + bytes([n]), link.id) for n in range(5)]
        await drop.waiting(made[0], "link_revoked")
        drop.change(link, allow_upload=True)
        for each in made:
            assert (await drop.settled(each)).code is None
        assert len(drop.inside("Wedding")) == 5
        assert list(drop.destinations.holds()) == []


@pytest.mark.gen_test
async def test_when_nothing_waits_for_it_a_closed_link_is_no_trouble(tmp_path: Path) -> None:
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        drop.standin.library.remove_link(link)
        made = await drop.bring(PHOTO, link.id)
        await drop.waiting(made, "link_revoked")
        assert list(drop.destinations.holds()) != []
        await drop.db.remove(made, also=noting("gone"))
        await eventually(lambda: not list(drop.destinations.holds()))


@pytest.mark.gen_test
async def test_all_together_are_no_more_than_the_host_allows(tmp_path: Path) -> None:
    async with outwards(tmp_path, concurrency=2) as drop:
        links = [await drop.share(f"Album {n}") for n in range(4)]
        drop.standin.service_time = 0.05
        made = [await drop.bring(PHOTO + bytes([n]), links[n % 4].id) for n in range(8)]
        at_once = []

        def all_there() -> bool:
            there = {asset.checksum for asset in drop.standin.assets}
            going = [each for each in made if each.checksum not in there]
            at_once.append(sum(drop.destinations.sent(each) > 0 for each in going))
            return not going

        await eventually(all_there)
        assert max(at_once) == 2


@pytest.mark.gen_test
async def test_what_waited_before_is_taken_up_at_the_start(tmp_path: Path) -> None:
    standin = StandIn(tmp_path / "immich", job_delay=None)
    await standin.start()
    async with outwards(tmp_path, standin=standin) as drop:
        link, closed = await drop.share("Wedding"), await drop.share("Club")
        by_link = await drop.receive(PHOTO, link.id)
        by_none = await drop.receive(b"another" * 10)
        due = now() + timedelta(hours=1)
        later = await drop.receive(b"later" * 10, link.id, retry_at=due)
        held = await drop.receive(b"held" * 10, closed.id)
        standin.library.remove_link(closed)
    async with outwards(tmp_path, standin=standin) as drop:
        await drop.settled(by_link)
        await drop.settled(by_none)
        await drop.waiting(held, "link_revoked")
        row = drop.db.get(later.id)
        assert row is not None
        assert row.state is State.RECEIVED
        assert drop.inside("Wedding") == ["photo.jpg"]
    await standin.stop()


@pytest.mark.gen_test
async def test_what_the_host_set_going_is_seen(tmp_path: Path) -> None:
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        failed = await drop.receive(PHOTO, link.id, state=State.FAILED, code="immich_refused")
        await drop.db.move(failed, State.RECEIVED, code=None)
        await drop.destinations.rescan()
        await drop.destinations.rescan()
        await drop.settled(failed)
        sends = [
            each for each in drop.standin.exchanges if each.name == SEND and each.received > 99
        ]
        assert len(sends) == 1


@pytest.mark.gen_test
async def test_who_may_try_a_failed_one_again(tmp_path: Path) -> None:
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding")
        failed = await drop.receive(
            PHOTO, link.id, session=SESSION, state=State.FAILED, code="immich_refused", attempts=9
        )
        nobodys = await drop.receive(PHOTO + b"!", state=State.FAILED, code="immich_refused")
        for upload_id, session in (
            (failed.id, OTHER_SESSION),
            ("no such upload", SESSION),
            (nobodys.id, SESSION),
        ):
            with pytest.raises(NotFound):
                await drop.destinations.retry(upload_id, session=session)
        await drop.destinations.retry(failed.id, session=SESSION)
        row = await drop.settled(failed)
        assert (row.state, row.attempts) == (State.STORED, 0)
        with pytest.raises(StateConflict):
            await drop.destinations.retry(failed.id, session=SESSION)


@pytest.mark.gen_test
async def test_a_link_nobody_came_by(tmp_path: Path) -> None:
    async with outwards(tmp_path) as drop:
        with pytest.raises(LinkUnknown):
            drop.destinations.of("nobody's")
        made = await drop.receive(PHOTO, "nobody's")
        assert drop.destinations.sent(made) == 0
