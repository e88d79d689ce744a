"""Deliveries: each ends in the right row, and our bytes go when Immich has named their checksum."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from harness.wait import eventually

from immich_drop.errors import ImmichFailing, ImmichUnavailable, NotFound, StateConflict
from immich_drop.facts import noting
from immich_drop.forward import LONGEST_DELAY
from immich_drop.standin import Asset, Fault, Kind, StandIn
from immich_drop.upload import OWN, State
from unit.delivering import ALBUM, SESSION, half
from unit.make import START, sha1

pytestmark = pytest.mark.usefixtures("soon")

DATA = b"a photo" * 1000

SEND, CHECK = "POST /assets", "POST /assets/bulk-upload-check"


def asset_of(data: bytes, standin: StandIn, **changes: object) -> Asset:
    """Put an asset into the library as if it had come another way."""
    file = standin.library.folder / "other.jpg"
    file.write_bytes(data)
    fields: dict[str, object] = {"owner": standin.user.id, "name": "other.jpg", "file": file.name}
    fields |= {"checksum": sha1(data), "size": len(data), "created_at": START, "modified_at": START}
    asset = Asset(**(fields | changes))  # type: ignore[arg-type]
    standin.library.add_asset(asset)
    return asset


@pytest.mark.gen_test
async def test_a_photo_is_delivered_and_its_bytes_go(tmp_path: Path) -> None:
    async with half(tmp_path, album=True) as drop:
        made = await drop.bring(DATA, name="Süße Katze.jpg")
        row = await drop.settled(made.id)
        (asset,) = drop.standin.assets
        assert (row.state, row.asset_id, row.code) == (State.STORED, asset.id, None)
        assert (asset.checksum, asset.name) == (sha1(DATA), "Süße Katze.jpg")
        assert drop.standin.album(ALBUM).assets == [asset.id]
        assert drop.ledger.known([sha1(DATA)], link=OWN) == {sha1(DATA)}
        await eventually(drop.forwarder.idle)
        assert drop.events[-1]["state"] == State.STORED
        assert drop.forwarder.sent(made.id) == 0
        assert drop.courier._underway == {}


@pytest.mark.gen_test
async def test_what_immich_had_is_not_counted_as_sent(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        for _ in range(2):
            await drop.settled((await drop.bring(DATA)).id)
        counted = drop.metrics.text().decode()
        assert f"\ndrop_sent_bytes_total {float(len(DATA))}\n" in counted


TRANSIENT = [
    Fault(kind=Kind.ERROR_BEFORE_INSERT, match=SEND),
    Fault(kind=Kind.CUT_BODY, match=SEND, after=100),
    Fault(kind=Kind.LOSE_ANSWER, match=SEND),
    Fault(kind=Kind.HTML, match=SEND, status=502),
    Fault(kind=Kind.QUOTA, match=SEND),
    Fault(kind=Kind.STATUS, match=SEND, status=403, message="Missing required permission"),
    Fault(kind=Kind.STATUS, match=CHECK, status=401, message="Invalid API key"),
    Fault(kind=Kind.STATUS, match=CHECK, status=400, message="whatever a check is refused for"),
    Fault(kind=Kind.LOSE_ANSWER, match=CHECK),
    Fault(kind=Kind.MAINTENANCE, match=CHECK),
    Fault(kind=Kind.REDIRECT, match=SEND, status=302, location="https://login.example"),
    Fault(kind=Kind.DOWN, match=CHECK, seconds=0.02),
    Fault(kind=Kind.STATUS, match="PUT /albums/.*", status=500),
    Fault(kind=Kind.STATUS, match="GET /albums", status=400, message="what albums are refused for"),
]


@pytest.mark.gen_test
@pytest.mark.parametrize("fault", TRANSIENT, ids=lambda fault: f"{fault.kind} {fault.match}")
async def test_what_passes_is_waited_for(tmp_path: Path, fault: Fault) -> None:
    async with half(tmp_path, album=True) as drop:
        drop.standin.faults.add(fault)
        made = await drop.bring(DATA)
        row = await drop.settled(made.id)
        assert row.state in {State.STORED, State.DUPLICATE}
        assert (row.code, row.retry_at) == (None, None)
        assert [asset.checksum for asset in drop.standin.assets] == [sha1(DATA)]
        assert drop.standin.album(ALBUM).assets == [row.asset_id]
        waits = [event for event in drop.events if event["code"]]
        assert waits, "the guest is told that it takes longer"
        assert {event["state"] for event in waits} == {State.RECEIVED}
        assert drop.gate.reason is None


PERMANENT = [
    (Fault(kind=Kind.HTML, match=SEND, status=413), "immich_too_large"),
    (Fault(kind=Kind.STATUS, match=SEND, status=400, message="what"), "immich_refused"),
    (
        Fault(kind=Kind.STATUS, match=SEND, status=400, message="Unsupported file type x"),
        "immich_type_refused",
    ),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("fault", "code"), PERMANENT)
async def test_what_no_retry_mends_fails_and_keeps_its_bytes(
    tmp_path: Path, fault: Fault, code: str
) -> None:
    async with half(tmp_path) as drop:
        drop.standin.faults.add(fault)
        made = await drop.bring(DATA)
        row = await drop.until(made.id, lambda row: row.state is State.FAILED)
        assert (row.code, row.retry_at) == (code, None)
        assert drop.spool.path(made.id).read_bytes() == DATA
        for session, error in (("t" * 22, NotFound), (SESSION, None), (SESSION, StateConflict)):
            if error:
                with pytest.raises(error):
                    await drop.destinations.retry(made.id, session=session)
            else:
                await drop.destinations.retry(made.id, session=session)
        row = await drop.settled(made.id)
        assert (row.state, row.attempts) == (State.STORED, 0)


@pytest.mark.gen_test
async def test_one_that_fails_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async with half(tmp_path, concurrency=1) as drop:
        bad = await drop.receive(b"bad")
        drop.spool.path(bad.id).unlink()
        short = await drop.receive(b"short")
        drop.spool.path(short.id).write_bytes(b"sh")
        drop.forwarder.push(bad)
        drop.forwarder.push(short)
        good = await drop.bring(DATA)
        await drop.settled(good.id)
        for each in (bad, short):
            row = await drop.until(each.id, lambda row: row.attempts > 2)
            assert (row.state, row.code) == (State.RECEIVED, "spool_missing")
        assert [asset.checksum for asset in drop.standin.assets] == [sha1(DATA)]
        drop.spool.path(bad.id).write_bytes(b"bad")
        await drop.settled(bad.id)


@pytest.mark.gen_test
async def test_while_one_is_sent_the_next_is_asked_about_but_not_sent(tmp_path: Path) -> None:
    async with half(tmp_path, concurrency=1) as drop:
        drop.standin.faults.add(Fault(kind=Kind.HANG_BODY, match=SEND, after=10))
        made = [await drop.bring(DATA + bytes([number])) for number in range(4)]
        await eventually(
            lambda: (
                any(drop.forwarder.sent(each.id) for each in made)
                and [each.name for each in drop.standin.exchanges].count(CHECK) > 1
            )
        )
        assert drop.standin.assets == []
        assert sum(drop.forwarder.sent(each.id) > 0 for each in made) == 1
        drop.standin.faults.clear()
        for each in made:
            await drop.settled(each.id)


@pytest.mark.gen_test
async def test_when_immich_is_down_one_at_a_time_tries(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        await drop.standin.down()
        made = [await drop.bring(b"%d" % number) for number in range(20)]
        await eventually(lambda: drop.gate.reason)
        assert isinstance(drop.gate.reason, ImmichUnavailable)
        rows = [await drop.until(each.id, lambda _: True) for each in made]
        assert {row.state for row in rows} == {State.RECEIVED}
        drop.standin.up()
        for each in made:
            await drop.settled(each.id)
        assert len(drop.standin.assets) == 20


@pytest.mark.gen_test
async def test_an_immich_that_fails_at_every_file_is_spared(tmp_path: Path) -> None:
    """On a mount where it may not set dates, say: before 3.1 each leaves a row without a file."""
    async with half(tmp_path) as drop:
        drop.standin.faults.add(Fault(kind=Kind.ERROR_BEFORE_INSERT, match=SEND, times=None))
        made = [await drop.receive(b"%d" % number) for number in range(60)]
        for each in made:
            drop.forwarder.push(each)
        await eventually(lambda: isinstance(drop.gate.reason, ImmichFailing))
        tried = [each.name for each in drop.standin.exchanges].count(SEND)
        assert tried < len(made) / 2, "those under way when it closed, and trials"
        drop.standin.faults.clear()
        for each in made:
            await drop.settled(each.id)
        assert drop.gate.reason is None


@pytest.mark.gen_test
async def test_a_file_that_is_refused_does_not_tell_that_immich_is_well_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with half(tmp_path, concurrency=1) as drop:
        drop.standin.faults.add(Fault(kind=Kind.ERROR_BEFORE_INSERT, match=SEND, times=None))
        for number in range(6):
            await drop.bring(b"%d" % number)
        await eventually(lambda: isinstance(drop.gate.reason, ImmichFailing))
        refused = await drop.bring(b"a text", name="a.txt")
        await drop.until(refused.id, lambda row: row.state is State.FAILED)
        assert "deliveries go on" not in caplog.text


@pytest.mark.gen_test
async def test_a_file_beyond_the_quota_is_not_sent_after_each_one_that_fits(
    tmp_path: Path,
) -> None:
    async with half(tmp_path, concurrency=1) as drop:
        drop.standin.user.quota = 100_000
        big = await drop.bring(bytes(200_000))
        await drop.until(big.id, lambda row: row.code == "immich_quota")
        for number in range(40):
            await drop.settled((await drop.bring(b"a small one %d" % number)).id)
        whole = [each for each in drop.standin.exchanges if each.received > 200_000]
        assert len(whole) < 15, "twice as long from one to the next"


@pytest.mark.gen_test
async def test_to_have_waited_for_immich_does_not_prolong_the_wait_after_a_failure(
    tmp_path: Path,
) -> None:
    async with half(tmp_path) as drop:
        await drop.standin.down()
        made = await drop.bring(DATA)
        pauses = set[float]()

        def tried_often() -> bool:
            pauses.add(drop.gate.pause)
            return len(pauses) > 5

        await eventually(tried_often)
        row = await drop.until(made.id, lambda row: row.code is not None)
        assert row.attempts == 0
        drop.standin.up()
        await drop.settled(made.id)


@pytest.mark.gen_test
async def test_what_was_received_before_a_restart_is_delivered_after_it(tmp_path: Path) -> None:
    standin = StandIn(tmp_path / "immich", job_delay=None)
    await standin.start()
    async with half(tmp_path, standin=standin) as drop:
        await standin.down()
        made = [await drop.bring(b"%d" % number) for number in range(5)]
        await drop.until(made[0].id, lambda row: row.code is not None)
    standin.up()
    async with half(tmp_path, standin=standin) as drop:
        drop.clock.pass_(3600)
        await drop.destinations.rescan()
        for each in made:
            assert (await drop.settled(each.id)).state is State.STORED
    await standin.stop()


@pytest.mark.gen_test
async def test_a_stop_in_the_middle_of_a_delivery_loses_nothing(tmp_path: Path) -> None:
    standin = StandIn(tmp_path / "immich", job_delay=None)
    await standin.start()
    async with half(tmp_path, standin=standin) as drop:
        standin.faults.add(Fault(kind=Kind.HANG_BODY, match=SEND, after=10))
        made = await drop.bring(bytes(5_000_000))
        await eventually(lambda: drop.forwarder.sent(made.id))
        await drop.forwarder.stop(0)
        assert drop.spool.path(made.id).stat().st_size == 5_000_000
    async with half(tmp_path, standin=standin) as drop:
        assert (await drop.settled(made.id)).state is State.STORED
    await standin.stop()


@pytest.mark.gen_test
async def test_two_guests_and_the_same_photo(tmp_path: Path) -> None:
    async with half(tmp_path, album=True) as drop:
        made = [await drop.bring(DATA, session=letter * 22) for letter in "sstuv"]
        rows = [await drop.settled(each.id) for each in made]
        (asset,) = drop.standin.assets
        assert sorted(row.state for row in rows) == [State.DUPLICATE] * 4 + [State.STORED]
        assert {row.asset_id for row in rows} == {asset.id}
        sends = [each for each in drop.standin.exchanges if each.name == SEND]
        assert len(sends) == 1, "the others find it"
        assert drop.standin.album(ALBUM).assets == [asset.id]
        assert drop.courier._underway == {}


@pytest.mark.gen_test
async def test_what_immich_has_joins_the_album_and_is_not_sent(tmp_path: Path) -> None:
    async with half(tmp_path, album=True) as drop:
        asset = asset_of(DATA, drop.standin)
        made = await drop.bring(DATA)
        assert (await drop.settled(made.id)).state is State.DUPLICATE
        assert drop.standin.album(ALBUM).assets == [asset.id]
        assert SEND not in {each.name for each in drop.standin.exchanges}


@pytest.mark.gen_test
@pytest.mark.parametrize("may_restore", [True, False])
async def test_what_lies_in_the_trash_is_never_lost(tmp_path: Path, may_restore: bool) -> None:
    scopes = ("asset.upload", "asset.delete") if may_restore else ("asset.upload",)
    async with half(tmp_path, permissions=scopes) as drop:
        asset = asset_of(DATA, drop.standin, trashed=True)
        made = await drop.bring(DATA)
        if may_restore:
            assert (await drop.settled(made.id)).asset_id == asset.id
            assert not asset.trashed
        else:
            row = await drop.until(made.id, lambda row: row.attempts > 1)
            assert (row.state, row.code) == (State.RECEIVED, "immich_in_trash")
            assert drop.spool.path(made.id).exists()
            drop.standin.library.remove(asset)
            assert (await drop.settled(made.id)).state is State.STORED


@pytest.mark.gen_test
async def test_what_the_host_is_deleting_for_good_is_sent_once_it_is_gone(tmp_path: Path) -> None:
    """Immich empties its trash bit by bit; until then it says it restored what it then deletes."""
    async with half(tmp_path) as drop:
        asset = asset_of(DATA, drop.standin, trashed=True)
        asset.doomed = True
        made = await drop.bring(DATA)
        await drop.until(made.id, lambda row: row.code == "immich_in_trash")
        drop.standin.run_jobs()
        row = await drop.settled(made.id)
        assert [row.asset_id] == [each.id for each in drop.standin.assets]


@pytest.mark.gen_test
async def test_a_login_page_takes_nothing_out_of_the_trash(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        drop.standin.faults.add(Fault(kind=Kind.HTML, status=200, match="POST /trash/.*"))
        asset = asset_of(DATA, drop.standin, trashed=True)
        made = await drop.bring(DATA)
        assert (await drop.settled(made.id)).asset_id == asset.id
        assert not asset.trashed


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [(1, 106, 0), (1, 140, 1)])
async def test_nor_where_the_check_does_not_tell_of_the_trash(
    tmp_path: Path, version: tuple[int, int, int]
) -> None:
    """1.106 tells it of single assets only; 1.140 keeps the bulk check from keys like this one."""
    scopes = ("asset.upload", "asset.delete", "asset.read")
    async with half(tmp_path, version=version, permissions=scopes) as drop:
        asset = asset_of(DATA, drop.standin, trashed=True)
        made = await drop.bring(DATA)
        assert (await drop.settled(made.id)).asset_id == asset.id
        assert not asset.trashed


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [(1, 137, 0), (1, 140, 1)])
@pytest.mark.parametrize("twin", ["found", "sent"])
async def test_what_may_lie_in_the_trash_is_kept(
    tmp_path: Path, version: tuple[int, int, int], twin: str
) -> None:
    """This key may neither check in bulk nor look at an asset: it is not told of the trash."""
    async with half(tmp_path, version=version, permissions=("asset.upload",)) as drop:
        if twin == "found":
            asset_of(DATA, drop.standin, trashed=True)
        else:
            drop.standin.faults.add(Fault(kind=Kind.TRASHED_TWIN, match=SEND, times=None))
        made = await drop.bring(DATA)
        row = await drop.until(made.id, lambda row: row.attempts > 1)
        assert (row.state, row.code) == (State.RECEIVED, "immich_unverified")
        assert drop.spool.path(made.id).read_bytes() == DATA
        drop.standin.faults.clear()
        for asset in drop.standin.assets:
            drop.standin.library.remove(asset)
        assert (await drop.settled(made.id)).state is State.STORED


@pytest.mark.gen_test
@pytest.mark.parametrize("scope", ["all", "asset.upload"])
async def test_a_row_without_its_file_is_no_proof(tmp_path: Path, scope: str) -> None:
    """Immich before 3.1 keeps the row of an upload that failed, and calls it a duplicate."""
    async with half(tmp_path, version=(3, 0, 3), permissions=(scope,)) as drop:
        drop.standin.faults.add(Fault(kind=Kind.ERROR_AFTER_INSERT, match=SEND))
        made = await drop.bring(DATA)
        row = await drop.until(made.id, lambda row: row.code == "immich_unverified")
        assert row.offered
        assert drop.spool.path(made.id).read_bytes() == DATA
        (orphan,) = drop.standin.assets
        drop.standin.library.remove(orphan)
        assert (await drop.settled(made.id)).state is State.STORED


@pytest.mark.gen_test
async def test_where_a_failed_upload_leaves_no_row_a_lost_answer_needs_no_proof(
    tmp_path: Path,
) -> None:
    async with half(tmp_path, version=(3, 1, 0), permissions=("asset.upload",)) as drop:
        drop.standin.faults.add(Fault(kind=Kind.LOSE_ANSWER, match=SEND))
        made = await drop.bring(DATA)
        row = await drop.settled(made.id)
        assert (row.state, row.offered) == (State.STORED, True)


@pytest.mark.gen_test
async def test_nobody_is_told_to_delete_what_the_host_has_locked_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Immich >= 1.133 calls a locked photo a duplicate, and shows it to no key."""
    async with half(tmp_path) as drop:
        asset = asset_of(DATA, drop.standin)
        asset.visibility = "locked"
        made = await drop.bring(DATA)
        row = await drop.until(made.id, lambda row: row.code == "immich_unverified")
        assert (row.state, drop.spool.path(made.id).read_bytes()) == (State.RECEIVED, DATA)
        assert "locked folder" in caplog.text
        asset.visibility = "timeline"
        assert (await drop.settled(made.id)).asset_id == asset.id


@pytest.mark.gen_test
async def test_an_album_that_is_deleted_in_between_is_made_again(tmp_path: Path) -> None:
    async with half(tmp_path, album=True) as drop:
        await drop.settled((await drop.bring(b"first")).id)
        drop.standin.library.remove_album(drop.standin.album(ALBUM))
        made = [await drop.bring(b"later %d" % number) for number in range(6)]
        assets = [(await drop.settled(each.id)).asset_id for each in made]
        assert sorted(drop.standin.album(ALBUM).assets) == sorted(assets)


@pytest.mark.gen_test
async def test_what_was_deleted_while_it_waited_is_let_go(tmp_path: Path) -> None:
    async with half(tmp_path, concurrency=1) as drop:
        gone = await drop.receive(b"gone")
        await drop.db.remove(gone, also=noting("gone"))
        drop.forwarder.push(gone)
        await drop.settled((await drop.bring(DATA)).id)
        assert not drop.forwarder._turns.has(gone.id)
        await eventually(lambda: not drop.forwarder._taken)


@pytest.mark.gen_test
async def test_a_database_that_does_not_answer_for_a_while(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.receive(DATA)
        drop.db._writer._connection.execute("PRAGMA query_only=1")
        drop.forwarder.push(made)
        await eventually(lambda: drop.standin.assets)
        await drop.until(made.id, lambda row: row.state is State.RECEIVED)
        assert drop.spool.path(made.id).exists()
        drop.db._writer._connection.execute("PRAGMA query_only=0")
        await drop.settled(made.id)
        assert len(drop.standin.assets) == 1


@pytest.mark.gen_test
async def test_a_database_that_does_not_answer_is_not_asked_for_each_upload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("immich_drop.forward.LATER", 1.0)

    def failed() -> list[float]:
        return [record.created for record in caplog.records if " unavailable " in record.message]

    async with half(tmp_path, concurrency=1) as drop:
        made = [await drop.receive(b"waits %d" % number) for number in range(9)]
        drop.db._writer._connection.execute("PRAGMA query_only=1")
        for each in made:
            drop.forwarder.push(each)
        await eventually(lambda: len(failed()) >= len(made))
        times = failed()
        assert times[-1] - times[0] >= 0.5
        drop.db._writer._connection.execute("PRAGMA query_only=0")
        for each in made:
            await drop.settled(each.id)


@pytest.mark.gen_test
async def test_a_file_that_cannot_be_read_waits_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with half(tmp_path) as drop:
        made = await drop.receive(DATA)
        path = drop.spool.path(made.id)
        path.unlink()
        path.mkdir()  # to open it is an error of the disk, also for root
        made = await drop.db.change(made, length=path.stat().st_size)
        drop.forwarder.push(made)
        row = await drop.until(made.id, lambda row: row.attempts > 1)
        assert (row.state, row.code) == (State.RECEIVED, "unavailable")
        assert not drop.standin.assets
        path.rmdir()
        path.write_bytes(DATA)
        await drop.db.change(row, length=len(DATA))
        await drop.settled(made.id)
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.gen_test
async def test_a_clock_that_was_years_ahead_delays_nothing_for_years(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.bring(DATA, retry_at=START + timedelta(days=4000))
        timer = drop.forwarder._turns._timers[made.id]
        assert timer.when() - asyncio.get_running_loop().time() <= LONGEST_DELAY
        await drop.db.change(made, retry_at=None)
        fresh = drop.db.get(made.id)
        assert fresh is not None
        drop.forwarder.push(fresh)
        await drop.settled(made.id)


@pytest.mark.gen_test
async def test_progress_is_told_but_not_every_block(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        made = await drop.bring(bytes(3_000_000))
        await drop.settled(made.id)
        sent = [event["sent"] for event in drop.events if event["sent"]]
        assert len(sent) == 1, "the clock stood still"
        assert 0 < sent[0] <= 3_000_000


@pytest.mark.gen_test
async def test_a_disk_that_was_not_there_at_the_start_damages_nothing(tmp_path: Path) -> None:
    """Its folder is empty then: the files wait until they are back."""
    standin = StandIn(tmp_path / "immich", job_delay=None)
    await standin.start()
    async with half(tmp_path, standin=standin) as drop:
        await standin.down()
        made = await drop.receive(DATA)
    (tmp_path / "spool").rename(tmp_path / "unplugged")
    standin.up()
    async with half(tmp_path, standin=standin) as drop:
        row = await drop.until(made.id, lambda row: row.code is not None)
        assert (row.state, row.code) == (State.RECEIVED, "spool_missing")
        (tmp_path / "unplugged" / made.id).rename(drop.spool.path(made.id))
        assert (await drop.settled(made.id)).state is State.STORED
    await standin.stop()


@pytest.mark.gen_test
async def test_bytes_that_changed_while_we_were_away_never_get_into_the_library(
    tmp_path: Path,
) -> None:
    standin = StandIn(tmp_path / "immich", job_delay=None)
    await standin.start()
    async with half(tmp_path, standin=standin) as drop:
        made = await drop.receive(DATA)
        drop.spool.path(made.id).write_bytes(DATA[:-1] + b"?")
        sound = await drop.receive(DATA + DATA)
    async with half(tmp_path, standin=standin) as drop:
        row = await drop.until(made.id, lambda row: row.state is State.FAILED)
        assert row.code == "damaged"
        assert (await drop.settled(sound.id)).state is State.STORED
    for by_guest in (True, False):
        async with half(tmp_path, standin=standin) as drop:
            if by_guest:
                await drop.destinations.retry(made.id, session=SESSION)
            else:
                await drop.db.retry(row, now=START)
                await drop.destinations.rescan()
            row = await drop.until(made.id, lambda row: row.code is not None)
            assert (row.state, row.code) == (State.FAILED, "damaged"), "a retry mends nothing"
    assert [asset.size for asset in standin.assets] == [2 * len(DATA)]
    await standin.stop()
