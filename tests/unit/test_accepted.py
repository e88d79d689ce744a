"""File types: what Immich says, remembered for when it is down."""

from pathlib import Path

import pytest

from immich_drop.accepted import VALID, Accepted
from immich_drop.facts import Facts
from immich_drop.standin import Fault, Kind
from unit.delivering import half

TYPES = "GET /server/media-types"


@pytest.mark.gen_test
async def test_asked_remembered_and_kept_while_immich_is_down(tmp_path: Path) -> None:
    async with half(tmp_path, version=(2, 7, 5)) as drop:
        accepted = Accepted(immich=drop.immich, facts=Facts(drop.db), clock=drop.clock)
        accepted.load()
        assert accepted.takes(".jpg"), "a first start while Immich is down"
        assert not accepted.takes(".ts")
        for fault in (Kind.HTML, Kind.MAINTENANCE, Kind.LOSE_ANSWER):
            drop.standin.faults.add(Fault(kind=fault, match=TYPES, status=200))
            await accepted.refresh()
            assert not accepted.takes(".ts")
        await accepted.refresh()
        assert accepted.takes(".ts")
        for extension in ("", ".", ".exe", ".JPG", ".xmp", "jpg"):
            assert not accepted.takes(extension)
        later = Accepted(immich=drop.immich, facts=Facts(drop.db), clock=drop.clock)
        later.load()
        assert later.extensions == accepted.extensions


@pytest.mark.gen_test
async def test_asked_once_an_hour_but_again_at_once_where_no_answer_came(tmp_path: Path) -> None:
    async with half(tmp_path, version=(2, 7, 5)) as drop:

        def asked() -> int:
            return [each.name for each in drop.standin.exchanges].count(TYPES)

        accepted = Accepted(immich=drop.immich, facts=Facts(drop.db), clock=drop.clock)
        drop.standin.faults.add(Fault(kind=Kind.MAINTENANCE, match=TYPES, times=2))
        for _ in range(5):
            await accepted.refresh()
        assert asked() == 3
        drop.clock.pass_(VALID)
        await accepted.refresh()
        assert asked() == 4
