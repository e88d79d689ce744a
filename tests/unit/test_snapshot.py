"""The snapshot: every upload of one session, and of no other."""

from pathlib import Path

import pytest

from immich_drop.snapshot import Snapshot
from immich_drop.upload import State
from unit import halves, second
from unit.make import START, upload

S = "s" * 22


@pytest.mark.gen_test
async def test_rows_and_offsets_together(tmp_path: Path) -> None:
    async with halves.half(tmp_path / "1") as drop, second.half(tmp_path / "2") as delivering:
        snapshot = Snapshot(
            db=drop.db, receiver=drop.receiver, destinations=delivering.destinations
        )
        assert snapshot.of(S) == []
        rows = [upload(session=S, state=state, created_at=START) for state in State]
        for row in rows:
            await drop.db.add(row)
        await drop.db.add(upload(session="t" * 22))
        drop.spool.path(rows[0].id).write_bytes(b"abc")
        told = snapshot.of(S)
        assert {each["id"] for each in told} == {row.id for row in rows}
        assert {each["state"]: each["offset"] for each in told} == {
            state.value: 3 if state is State.RECEIVING else 5 for state in State
        }
