"""Names that guests give: made harmless, and still recognisable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_drop.names import NAME_BYTES, clean_name, extension_of


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
