"""Health: what is ill is named, and no more than that."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from immich_drop.errors import ImmichKeyRejected, Unavailable
from immich_drop.facts import Facts
from immich_drop.gate import Gate
from immich_drop.health import FRESH, PATIENCE, Health
from unit import delivering
from unit.receiving import Half, half

WELL = {"database": "ok", "spool": "ok", "disk": "ok", "immich": "ok", "links": "ok"}


def health_of(
    drop: Half, second: delivering.Half, *, gate: Gate | None = None, patience: float = PATIENCE
) -> Health:
    return Health(
        db=drop.db,
        spool=drop.spool,
        room=drop.room,
        gate=gate or Gate(clock=drop.clock),
        destinations=second.destinations,
        clock=drop.clock,
        patience=patience,
    )


@pytest.mark.gen_test
async def test_each_illness_by_itself(tmp_path: Path) -> None:
    async with half(tmp_path) as drop, delivering.half(tmp_path / "second") as second:
        gate = Gate(clock=drop.clock)
        health = health_of(drop, second, gate=gate)
        assert await health.report() == WELL
        gate.hold(ImmichKeyRejected("the detail is for the log"))
        assert await health.report() == WELL | {"immich": "immich_key"}
        gate.open()
        drop.disk.append(-1)
        drop.clock.pass_(1)
        assert await health.report() == WELL | {"disk": "disk_full"}
        drop.disk.append(10**9)
        drop.clock.pass_(1)
        (tmp_path / "spool").rmdir()
        (tmp_path / "spool").touch()
        drop.clock.pass_(FRESH)
        assert await health.report() == WELL | {"spool": "unavailable"}
        (tmp_path / "spool").unlink()
        assert await health.report() == WELL | {"spool": "unavailable"}, "a look mends nothing"
        (tmp_path / "spool").mkdir()
        assert await health.report() == WELL
        await drop.db.write(lambda connection: connection.execute("PRAGMA max_page_count = 1"))
        with pytest.raises(Unavailable, match="full"):
            await Facts(drop.db).remember("a fact", "too large for its disk" * 10_000)
        assert await health.report() == WELL | {"database": "unavailable"}
        await Facts(drop.db).forget("a fact")
        assert await health.report() == WELL
        drop.db._reader.close()
        assert await health.report() == WELL | {"database": "unavailable"}


@pytest.mark.gen_test
async def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    """Opening a pipe for writing hangs until somebody reads, as a server of files that is gone."""
    async with half(tmp_path) as drop, delivering.half(tmp_path / "second") as second:
        spool = tmp_path / "spool"
        os.mkfifo(spool / ".probe")
        health = health_of(drop, second, patience=0.05)
        before, ill = set(threading.enumerate()), WELL | {"spool": "unavailable"}
        try:
            assert await asyncio.gather(*(health.report() for _ in range(20))) == [ill] * 20
            drop.clock.pass_(FRESH)
            assert await health.report() == health.latest == ill
            assert len(set(threading.enumerate()) - before) == 1
        finally:
            os.close(os.open(spool / ".probe", os.O_RDONLY | os.O_NONBLOCK))
        assert health._look is not None
        await health._look
        drop.clock.pass_(FRESH)
        assert await health.report() == WELL


@pytest.mark.gen_test
async def test_the_spool_is_looked_at_once_a_second(tmp_path: Path) -> None:
    async with half(tmp_path) as drop, delivering.half(tmp_path / "second") as second:
        health = health_of(drop, second)
        assert await health.report() == WELL
        folder = tmp_path / "spool"
        os.utime(folder, ns=(0, 0))
        for _ in range(10):
            assert await health.report() == WELL
        assert folder.stat().st_mtime_ns == 0
        drop.clock.pass_(FRESH)
        await health.report()
        assert folder.stat().st_mtime_ns > 0
