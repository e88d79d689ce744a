"""Facts: kept over a restart, replaced, forgotten, found by how they begin."""

from pathlib import Path

import pytest

from immich_drop.facts import Facts
from unit.make import opened


@pytest.mark.gen_test
async def test_what_is_remembered_survives_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        facts = Facts(db)
        for key, value in (("a", "1"), ("a", "2"), ("b", "gone"), ("of:x", ""), ("of:*", "")):
            await facts.remember(key, value)
        await facts.forget("b")
        await facts.forget("never there")
    with opened(tmp_path / "state.db") as db:
        facts = Facts(db)
        assert [facts.recall(key) for key in ("a", "b", "of:x", "")] == ["2", None, "", None]
        assert sorted(facts.keys("of:")) == ["of:*", "of:x"]
        assert facts.keys("nothing:") == []
