"""The record of an upload: its moves, its id, its name."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_drop.upload import (
    NAME_BYTES,
    SETTLED,
    TRANSITIONS,
    State,
    clean_name,
    extension_of,
    is_id,
    new_id,
)
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
    for other in ("", "IMG_0001.jpg", "a" * 21, "a" * 23, "a" * 21 + "/", "a" * 22 + "\n"):
        assert not is_id(other)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("IMG_0001.HEIC", "IMG_0001.HEIC"),
        ("Süße Katze 🐱.jpg", "Süße Katze 🐱.jpg"),
        ("Cafe\u0301.jpg", "Café.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Anna\\a.jpg", "a.jpg"),
        ("a\r\nSet-Cookie: x.jpg", "aSet-Cookie: x.jpg"),
        ("a\x00b\x7f\x9f.jpg", "ab.jpg"),
        ("gpj.\u202eexe.jpg", "gpj.exe.jpg"),
        ("  a.jpg  ", "a.jpg"),
        ("<img src=x>.jpg", "<img src=x>.jpg"),
        (".jpg", ".jpg"),
        ("..", ""),
        (".", ""),
        ("", ""),
        ("/", ""),
        ("\u2028", ""),
        ("\ud800.jpg", ".jpg"),
        ("a" * 300 + ".jpeg", "a" * 250 + ".jpeg"),
        ("ü" * 200 + ".jpg", "ü" * 125 + ".jpg"),
        ("a." + "b" * 300, "a." + "b" * 253),
    ],
)
def test_names(raw: str, clean: str) -> None:
    assert clean_name(raw) == clean


@given(st.text() | st.text(alphabet="ü🐱a./\\\u0301 \u202e\x00", max_size=400))
def test_a_clean_name_is_harmless_and_stays_as_it_is(raw: str) -> None:
    name = clean_name(raw)
    assert len(name.encode()) <= NAME_BYTES
    assert not set(name) & set("/\\\x00\r\n\u202e")
    assert name not in (".", "..")


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.JPG", ".jpg"), ("a.b.heic", ".heic"), ("a", ""), (".jpg", ""), ("a.", "."), ("", "")],
)
def test_extensions(name: str, extension: str) -> None:
    assert extension_of(name) == extension
