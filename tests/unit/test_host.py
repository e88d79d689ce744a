"""The host's commands, on a database beside the running drop."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from immich_drop import host
from immich_drop.errors import NotFound, StateConflict
from immich_drop.ledger import Ledger
from immich_drop.spool import Spool
from immich_drop.upload import State
from unit.make import opened, sha1, upload


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
    assert "and 5 more" in text


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
        with pytest.raises(StateConflict):
            await host.purge(db, spool, [other.id])
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
