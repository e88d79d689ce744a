"""The snapshot: every upload of one session, and of no other."""

from pathlib import Path

import pytest

from immich_drop.errors import RateLimited
from immich_drop.limits import Rate
from immich_drop.snapshot import Snapshot
from immich_drop.upload import State
from unit import delivering, receiving
from unit.make import START, Clock, upload

S = "s" * 22


@pytest.mark.gen_test
async def test_rows_and_offsets_together(tmp_path: Path) -> None:
    async with receiving.half(tmp_path / "1") as first, delivering.half(tmp_path / "2") as second:
        snapshot = Snapshot(
            db=first.db,
            receiver=first.receiver,
            destinations=second.destinations,
            rate=Rate(0, clock=Clock()),
        )
        assert snapshot.of(S, address="a") == []
        rows = [upload(session=S, state=state, created_at=START) for state in State]
        for row in rows:
            await first.db.add(row)
        await first.db.add(upload(session="t" * 22))
        first.spool.path(rows[0].id).write_bytes(b"abc")
        told = snapshot.of(S, address="a")
        assert {each["id"] for each in told} == {row.id for row in rows}
        assert {each["state"]: each["offset"] for each in told} == {
            state.value: 3 if state is State.RECEIVING else 5 for state in State
        }


@pytest.mark.gen_test
async def test_who_has_many_uploads_asks_less_often(tmp_path: Path) -> None:
    """However small the question, thousands of them hold everybody up."""
    async with receiving.half(tmp_path / "1") as first, delivering.half(tmp_path / "2") as second:
        clock = Clock()
        snapshot = Snapshot(
            db=first.db,
            receiver=first.receiver,
            destinations=second.destinations,
            rate=Rate(6, clock=clock),
        )
        for _ in range(3):
            await first.db.add(upload(session=S))
        for _ in range(2):
            assert len(snapshot.of(S, address="a")) == 3
        with pytest.raises(RateLimited):
            snapshot.of(S, address="a")
        assert snapshot.of("t" * 22, address="a") == []
        assert len(snapshot.of(S, address="b")) == 3
        clock.pass_(60)
        assert len(snapshot.of(S, address="a")) == 3
