"""The record of an upload: its moves, its id."""

from itertools import product

import pytest

from immich_drop.upload import SETTLED, TRANSITIONS, State, is_id, new_id
from unit.make import upload

MOVES = {
    ("receiving", "received"),
    ("received", "stored"),
    ("received", "duplicate"),
    ("received", "failed"),
    ("failed", "received"),
}


@pytest.mark.parametrize(("old", "new"), list(product(State, State)))
def test_the_moves(old: State, new: State) -> None:
    assert upload(state=old).can_become(new) is ((old, new) in MOVES)


def test_what_is_settled_goes_nowhere() -> None:
    assert {state for state in State if not TRANSITIONS[state]} == SETTLED


def test_ids() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(map(is_id, ids))
    assert not any(each.startswith("-") for each in ids), "behind `retry` it would be an option"
    for other in ("", "IMG_0001.jpg", "a" * 21, "a" * 23, "a" * 21 + "/", "a" * 22 + "\n"):
        assert not is_id(other)
