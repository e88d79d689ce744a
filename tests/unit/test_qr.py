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
