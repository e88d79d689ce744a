"""The host's commands, on a database beside the running drop."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from immich_drop import host
from immich_drop.db import Db
from immich_drop.errors import NotFound, StateConflict
from immich_drop.ledger import Ledger
from immich_drop.spool import Spool
from immich_drop.upload import State, Upload
from unit.make import opened, sha1, upload


@contextmanager
def open_both(folder: Path) -> Iterator[tuple[Db, Spool]]:
    """Open a database, and a spool."""
    spool = Spool(folder / "spool")
    spool.prepare()
    with opened(folder / "state.db") as db:
        yield db, spool
    spool.close()


def listed(db: Db, upload: Upload, *, all_: bool = False) -> str:
    """Return the one line of the status that names an upload, or nothing."""
    said: list[str] = []
    host.status(db, said.append, all_=all_)
    lines = [line for line in said if upload.id in line]
    assert len(lines) <= 1
    return "".join(lines)


@pytest.mark.gen_test
async def test_status_when_all_is_well(tmp_path: Path) -> None:
    said: list[str] = []
    with opened(tmp_path / "state.db") as db:
        await db.add(upload(state=State.STORED))
        assert host.status(db, said.append) == 0
    assert "stored: 1" in said[0]


@pytest.mark.gen_test
async def test_status_says_what_waits_since_when_and_why(tmp_path: Path) -> None:
    said: list[str] = []
    long_ago = datetime.now(UTC) - timedelta(hours=5)
    with opened(tmp_path / "state.db") as db:
        for number in range(3):
            await db.add(
                upload(
                    state=State.RECEIVED,
                    created_at=long_ago - timedelta(days=1),
                    updated_at=long_ago,
                    code="immich_key" * (number > 0) or None,
                )
            )
        failed = [
            upload(state=State.FAILED, code="immich_refused", length=90_000_000) for _ in range(25)
        ]
        for each in failed:
            await db.add(each)
        assert host.status(db, said.append) == 1
    text = "\n".join(said)
    assert "5 h" in text
    assert "2  immich_key" in text
    assert "1  in line" in text
    assert failed[0].id in text
    assert "90.0 MB" in text
    assert "2.2 GB" in text, "the host sees what purging is worth"
    assert "and 5 more: `status --all`" in text
    assert failed[-1].id not in text


@pytest.mark.gen_test
async def test_all_are_named_where_that_is_asked_for(tmp_path: Path) -> None:
    said: list[str] = []
    with opened(tmp_path / "state.db") as db:
        failed = [await db.add(upload(state=State.FAILED, code="damaged")) for _ in range(25)]
        host.status(db, said.append, all_=True)
    text = "\n".join(said)
    assert all(each.id in text for each in failed)
    assert " more" not in text


@pytest.mark.gen_test
async def test_who_has_to_send_a_file_again_and_which(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        named = upload(state=State.FAILED, code="damaged", name="IMG_0815.heic", guest="Zoë 🐱")
        nameless = upload(state=State.FAILED, code="immich_type_refused", name="film.mkv")
        for each in (named, nameless):
            await db.add(each)
        assert listed(db, named).endswith("  damaged              IMG_0815.heic, from Zoë 🐱")
        assert listed(db, nameless).endswith("  immich_type_refused  film.mkv")


@pytest.mark.gen_test
async def test_what_was_tried_often_is_named_and_can_be_given_up(tmp_path: Path) -> None:
    """A file whose bytes are gone, or at which Immich fails for ever, would wait for ever."""
    with open_both(tmp_path) as (db, spool):
        hopeless, recent, waiting = [
            await db.add(upload(state=State.RECEIVED, code=code, attempts=attempts))
            for code, attempts in (("unavailable", 5), ("immich_trouble", 4), (None, 0))
        ]
        assert "unavailable" in listed(db, hopeless)
        assert listed(db, recent) == listed(db, waiting) == ""
        with pytest.raises(StateConflict, match=waiting.id):
            await host.purge(db, spool, [waiting.id])
        assert await host.purge(db, spool, [hopeless.id, recent.id, hopeless.id]) == 2
        assert [db.get(each.id) for each in (hopeless, recent, waiting)] == [None, None, waiting]


@pytest.mark.gen_test
async def test_a_code_stands_for_all_that_are_named_with_it(tmp_path: Path) -> None:
    with open_both(tmp_path) as (db, spool):
        refused, damaged, revoked, down = [
            await db.add(upload(state=state, code=code, link=link))
            for state, code, link in (
                (State.FAILED, "immich_refused", ""),
                (State.FAILED, "damaged", ""),
                (State.RECEIVED, "link_revoked", "A"),
                (State.RECEIVED, "immich_unavailable", ""),
            )
        ]
        untried = await db.add(upload(state=State.RECEIVED, link="A"))
        assert await host.retry(db, ["immich_refused"]) == 1
        assert await host.purge(db, spool, ["link_revoked", "damaged"]) == 3
        left = {refused.id: State.RECEIVED, down.id: State.RECEIVED}
        for each in (refused, damaged, revoked, down, untried):
            now = db.get(each.id)
            assert (now and now.state) == left.get(each.id)
        for code in ("immich_unavailable", "nonsense"):
            with pytest.raises(NotFound, match=code):
                await host.purge(db, spool, [code])
        with pytest.raises(NotFound):
            await host.retry(db, ["link_revoked"])


@pytest.mark.gen_test
async def test_retry_sends_failed_ones_on_their_way(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        one, two = upload(state=State.FAILED, attempts=7), upload(state=State.FAILED)
        stored = upload(state=State.STORED)
        for each in (one, two, stored):
            await db.add(each)
        assert await host.retry(db, [one.id]) == 1
        again = db.get(one.id)
        assert again is not None
        assert (again.state, again.attempts, again.code) == (State.RECEIVED, 0, None)
        with pytest.raises(StateConflict):
            await host.retry(db, [stored.id])
        with pytest.raises(NotFound):
            await host.retry(db, ["nobody"])
        assert await host.retry(db, []) == 1


@pytest.mark.gen_test
async def test_purge_deletes_rows_and_bytes_of_failed_ones_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.prepare()
    with opened(tmp_path / "state.db") as db:
        failed, waiting = upload(state=State.FAILED), upload(state=State.RECEIVED)
        for each in (failed, waiting):
            await db.add(each)
            spool.path(each.id).write_bytes(b"x")
        assert await host.purge(db, spool, []) == 1
        assert db.get(failed.id) is None
        assert db.get(waiting.id) == waiting
    assert spool.ids() == {waiting.id}
    spool.close()


@pytest.mark.gen_test
async def test_what_waits_for_a_closed_link_is_named_and_can_be_given_up(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        spool = Spool(tmp_path / "spool")
        spool.prepare()
        stuck, untried, other = [
            await db.add(upload(state=State.RECEIVED, code=code, link=link))
            for code, link in (("link_revoked", "A"), (None, "A"), ("immich_trouble", "B"))
        ]
        spool.path(stuck.id).write_bytes(b"photo")
        said: list[str] = []
        assert host.status(db, said.append) == 1
        assert "    2  link_revoked" in "\n".join(said)
        for each in (stuck, untried):
            assert sum(each.id in line for line in said) == 1
        assert not any(other.id in line for line in said)
        assert await host.purge(db, spool, []) == 0, "only by its id"
        assert await host.purge(db, spool, [untried.id]) == 1
        assert await host.purge(db, spool, [stuck.id]) == 1
        assert [db.get(each.id) for each in (untried, stuck, other)] == [None, None, other]
        assert not spool.path(stuck.id).exists()
        spool.close()


@pytest.mark.gen_test
async def test_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checksum = sha1(b"photo")
    with opened(tmp_path / "state.db") as db:
        waiting = await db.add(upload(state=State.RECEIVED, checksum=checksum))
        moment = datetime(2026, 7, 4, 20, 15, tzinfo=UTC)
        await Ledger(db).settle(waiting, State.STORED, "asset", moment)
        host.export(Ledger(db), "csv")
        host.export(Ledger(db), "json")
    csv, _, rest = capsys.readouterr().out.partition("[")
    row = [checksum.hex(), "asset", moment.isoformat(), ""]
    assert csv.splitlines() == ["sha1,asset_id,settled_at,link", ",".join(row)]
    assert json.loads("[" + rest) == [
        dict(zip(("sha1", "asset_id", "settled_at", "link"), row, strict=True))
    ]
