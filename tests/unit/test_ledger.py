"""The ledger: what came by each link, and only there."""

from pathlib import Path

import pytest

from immich_drop.errors import StateConflict
from immich_drop.facts import noting
from immich_drop.ledger import Ledger
from immich_drop.upload import OWN, State
from unit.make import START, opened, sha1, upload

PHOTO = sha1(b"photo")


@pytest.mark.gen_test
async def test_settling_fills_the_ledger_or_does_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        ledger = Ledger(db)
        seen = await db.add(upload(state=State.RECEIVED, checksum=PHOTO, code="x", retry_at=START))
        await db.remove(seen, also=noting("gone"))
        with pytest.raises(StateConflict):
            await ledger.settle(seen, State.STORED, "asset", START)
        assert ledger.known([PHOTO], link=OWN) == set()
        again = await db.add(seen)
        settled = await ledger.settle(again, State.DUPLICATE, "asset", START)
        assert (settled.state, settled.asset_id) == (State.DUPLICATE, "asset")
        assert (settled.code, settled.retry_at) == (None, None)
        assert ledger.known([PHOTO, sha1(b"else")], link=OWN) == {PHOTO}
        assert ledger.entries() == [(PHOTO, "asset", START, OWN)]
        await ledger.forget(PHOTO, link=OWN)
        assert ledger.known([PHOTO], link=OWN) == set()


@pytest.mark.gen_test
async def test_one_link_knows_nothing_of_another(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        ledger = Ledger(db)
        for link in ("a", "b"):
            came = await db.add(upload(state=State.RECEIVED, checksum=PHOTO, link=link))
            await ledger.settle(came, State.STORED, f"asset of {link}", START)
        assert ledger.known([PHOTO], link="a") == ledger.known([PHOTO], link="b") == {PHOTO}
        assert ledger.known([PHOTO], link=OWN) == ledger.known([PHOTO], link="c") == set()
        await ledger.forget(PHOTO, link="a")
        assert ledger.known([PHOTO], link="a") == set()
        assert [entry[1:] for entry in ledger.entries()] == [("asset of b", START, "b")]
