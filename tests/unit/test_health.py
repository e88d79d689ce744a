"""Health: what is ill is named, and no more than that."""

from pathlib import Path

import pytest

from immich_drop.errors import ImmichKeyRejected, Unavailable
from immich_drop.facts import Facts
from immich_drop.gate import Gate
from immich_drop.health import Health
from unit import delivering
from unit.receiving import half

WELL = {"database": "ok", "spool": "ok", "disk": "ok", "immich": "ok", "links": "ok"}


@pytest.mark.gen_test
async def test_each_illness_by_itself(tmp_path: Path) -> None:
    async with half(tmp_path) as drop, delivering.half(tmp_path / "second") as second:
        gate = Gate(clock=drop.clock)
        health = Health(
            db=drop.db,
            spool=drop.spool,
            room=drop.room,
            gate=gate,
            destinations=second.destinations,
        )
        assert health.report() == WELL
        gate.hold(ImmichKeyRejected("the detail is for the log"))
        assert health.report() == WELL | {"immich": "immich_key"}
        gate.open()
        drop.disk.append(-1)
        drop.clock.pass_(1)
        assert health.report() == WELL | {"disk": "disk_full"}
        drop.disk.append(10**9)
        drop.clock.pass_(1)
        (tmp_path / "spool").rmdir()
        (tmp_path / "spool").touch()
        assert health.report() == WELL | {"spool": "unavailable"}
        (tmp_path / "spool").unlink()
        assert health.report() == WELL | {"spool": "unavailable"}, "a look mends nothing"
        (tmp_path / "spool").mkdir()
        assert health.report() == WELL
        await drop.db.write(lambda connection: connection.execute("PRAGMA max_page_count = 1"))
        with pytest.raises(Unavailable, match="full"):
            await Facts(drop.db).remember("a fact", "too large for its disk" * 10_000)
        assert health.report() == WELL | {"database": "unavailable"}
        await Facts(drop.db).forget("a fact")
        assert health.report() == WELL
        drop.db._reader.close()
        assert health.report() == WELL | {"database": "unavailable"}
