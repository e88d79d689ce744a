"""A log line says what we say: nobody forges one, and no secret is in any."""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.immich import Immich
from harness.product import Product, running
from harness.tus import VERSION, metadata
from harness.wait import until
from harness.wire import Connection, Hangup

KEY = "a-key-that-must-never-show"
FORGED = "2026-07-04T20:15:30Z INFO receive upload=forged received"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (DEBUG|INFO|WARN|ERROR) [\w.]+ .*")
ENDS = [
    "\n",
    "\r",
    "\r\n",
    "\v",
    "\f",
    "\x1b[2K\x1b[1G",
    "\x85",
    "\u2028",
    "\u2029",
    "\x9b2K",
    "\0",
]


@pytest.fixture(name="immich")
def fixture_immich(tmp_path: Path) -> Iterator[Immich]:
    with Immich(tmp_path / "immich", "--key", KEY) as immich:
        yield immich


def provoke(product: Product, immich: Immich, end: str) -> None:
    """Let guests and Immich say what might end up in the log."""
    evil = f"x{end}{FORGED}"
    raw = evil.encode()
    for head in (
        b"GET /" + raw.replace(b" ", b"%20"),
        b"GET /nothing?" + raw.replace(b" ", b"%20"),
        b"BREW" + raw.replace(b" ", b"-") + b" /files/",
        b"POST /files/",
    ):
        with Connection(product.address) as connection:
            more = b"Tus-Resumable: " + raw + b"\r\nX-HTTP-Method-Override: " + raw + b"\r\n"
            connection.send(head + b" HTTP/1.1\r\nHost: " + b"a\r\n" + more + b"\r\n")
            connection.finish()
            connection.until_closed()
    with Connection(product.address) as connection:
        connection.send(b"GET / HTTP/1.1\r\nOrigin: " + raw + b"\r\nHost: a\r\n\r\n")
        try:
            connection.response()
        except Hangup:
            pass
    product.tus.ask("POST", "/files/", VERSION | {"Upload-Length": raw.decode("latin-1")})
    product.tus.post(3, metadata(filename=f"{evil}.exe"))
    product.tus.post(3, metadata(filename="a.jpg", session=evil))
    fault = {"match": "POST /assets", "status": 408, "message": evil, "times": None}
    with immich.fault("status", **fault):
        url = product.tus.upload(raw)
        waits = f"upload={url.rpartition('/')[2]} waits: immich_trouble"
        until(lambda: waits in product.log, "Immich's words in the log")


@pytest.fixture(name="lines", params=["text", "json"])
def fixture_lines(
    request: pytest.FixtureRequest, immich: Immich, tmp_path: Path
) -> tuple[str, list[str]]:
    """The style of a log, and its lines after every provocation we know."""
    settings = {**immich.settings, "LOG_LEVEL": "DEBUG", "LOG_FORMAT": request.param}
    with running(tmp_path / "product", **settings) as product:
        for end in ENDS:
            provoke(product, immich, end)
        product.stop()
        assert KEY not in product.log
        lines = [line for line in product.log.split("\n")[:-1] if "Drop is open" not in line]
    assert len(lines) > 5 * len(ENDS)
    return request.param, lines


def test_a_line_cannot_be_forged(lines: tuple[str, list[str]]) -> None:
    style, said = lines
    for line in said:
        assert not re.match(FORGED, line)
        if style == "text":
            assert LINE.fullmatch(line), line
            assert not [c for c in line if unicodedata.category(c) in ("Cc", "Zl", "Zp")], line
        else:
            assert set(json.loads(line)) == {"time", "level", "logger", "message"}
