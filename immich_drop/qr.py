"""The QR code of a drop's address: to print, or to continue on a phone.

Never a Micro QR code, into which `http://nas/` would fit: the cameras of phones do not read those.
"""

from functools import lru_cache
from io import BytesIO
from pathlib import Path

import segno


def show(url: str) -> None:
    """Draw it on the terminal."""
    segno.make_qr(url, error="m").terminal(compact=True)


def save(url: str, path: Path) -> None:
    """Write it into an SVG file."""
    path.write_bytes(svg(url))


@lru_cache(maxsize=64)
def svg(url: str) -> bytes:
    """Draw it as SVG: black on white, whatever the page's colours, so that cameras can read it."""
    drawing = BytesIO()
    segno.make_qr(url, error="m").save(drawing, kind="svg", scale=8, light="#fff")
    return drawing.getvalue()
