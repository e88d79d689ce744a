"""Terminations: what was promised is kept, and nobody finds half of what is gone.

What expires, and when, is in `test_sweep.py`.
"""

import asyncio
from pathlib import Path

import pytest

from immich_drop.errors import NotFound, StateConflict, Superseded
from immich_drop.upload import State
from unit.make import upload
from unit.receiving import half

DATA = b"ten bytes!"


@pytest.mark.gen_test
@pytest.mark.parametrize("state", State)
async def test_what_may_be_terminated(tmp_path: Path, state: State) -> None:
    async with half(tmp_path) as drop:
        made = await drop.db.add(upload(state=state))
        drop.spool.path(made.id).write_bytes(DATA)
        if state in (State.RECEIVING, State.FAILED):
            await drop.lifetime.terminate(made.id)
            assert (drop.db.get(made.id), drop.spool.ids()) == (None, set())
            with pytest.raises(NotFound):
                await drop.lifetime.terminate(made.id)
        else:
            with pytest.raises(StateConflict):
                await drop.lifetime.terminate(made.id)
            assert drop.spool.ids() == {made.id}


@pytest.mark.gen_test
async def test_who_comes_while_an_upload_is_terminated_finds_nothing(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        for _ in range(10):
            made = await drop.create()
            await drop.bring(made.id, DATA[:5])
            outcomes = await asyncio.gather(
                drop.lifetime.terminate(made.id),
                drop.bring(made.id, DATA[5:], offset=5),
                drop.receiver.inspect(made.id),
                return_exceptions=True,
            )
            assert outcomes[0] is None
            assert all(isinstance(each, NotFound | Superseded) for each in outcomes[1:]), outcomes
        assert drop.spool.ids() == set()
        assert drop.spool._digests == drop.room._reservations == {}
