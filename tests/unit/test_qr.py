"""The QR code: on the terminal, on paper, and on the page."""

from pathlib import Path

import pytest

from immich_drop import qr

URL = "https://drop.example/share/key/"


def test_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    qr.show(URL)
    assert "\N{FULL BLOCK}" in capsys.readouterr().out


def test_the_picture_says_the_address(tmp_path: Path) -> None:
    qr.save(URL, tmp_path / "drop.svg")
    drawn = (tmp_path / "drop.svg").read_bytes()
    assert b"<svg" in drawn
    assert drawn == qr.svg(URL)
    assert drawn != qr.svg(f"{URL}other")


def test_no_code_is_drawn_twice() -> None:
    """Guests of one party ask for the same one, and it takes milliseconds."""
    assert qr.svg(URL) is qr.svg(URL)


def test_a_short_address_is_drawn_for_phones_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A Micro QR code is smaller than 21 modules a side, and a margin of 4 around them."""
    assert b'd="M0 0h29v29h-29z"' in qr.svg("http://nas/")
    qr.show("http://nas/")
    assert len(capsys.readouterr().out.split()[0]) == 29
