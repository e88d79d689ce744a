"""Headers of every answer, errors included; and names that are HTML stay text."""

import gzip
import re
from pathlib import Path

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.product import Product, running
from harness.tus import VERSION, Tus, metadata
from harness.websocket import Refused, WebSocket
from harness.wire import Response

HTML = "<img src=x onerror=alert(1)><script>alert(2)</script>"

ANSWERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "page": ("GET", "/", {}),
    "page, unchanged": ("GET", "/", {"If-None-Match": "*"}),
    "script": ("GET", "/js/main.js", {}),
    "config": ("GET", "/api/config", {}),
    "health": ("GET", "/healthz", {}),
    "ready": ("GET", "/readyz", {}),
    "metrics": ("GET", "/metrics", {}),
    "tus options": ("OPTIONS", "/files/", {}),
    "no such upload": ("HEAD", "/files/AAAAAAAAAAAAAAAAAAAAAA", VERSION),
    "another tus": ("HEAD", "/files/x", {"Tus-Resumable": "0.2.2"}),
    "bytes back": ("GET", "/files/x", {}),
    "no such page": ("GET", "/nothing", {}),
    "no such method": ("TRACE", "/", {}),
    "no such method at all": ("BREW", "/api/config", {}),
    "no handshake": ("GET", "/ws", {}),
    "half a handshake": ("GET", "/ws", {"Upgrade": "websocket"}),
    "bad JSON": ("POST", "/api/known", {}),
    "HTML in a path": ("GET", f"/{HTML.replace(' ', '%20')}", {}),
}


def checked(answer: Response) -> Response:
    """Check what every answer must have, and must not have."""
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "'unsafe" not in answer["Content-Security-Policy"]
    assert "Permissions-Policy" in {name.title() for name in answer.headers}
    assert answer.get("Server") is None
    assert answer.get("Set-Cookie") is None
    assert "ornado" not in f"{answer.headers}{answer.body[:2000]!r}".replace("tornado-", "")
    if answer.status >= 400 and answer.body:
        assert answer["Content-Type"].startswith("application/json")
        assert "no-store" in answer["Cache-Control"]
    return answer


@pytest.mark.parametrize("what", ANSWERS)
def test_headers(tus: Tus, what: str) -> None:
    method, target, headers = ANSWERS[what]
    checked(tus.ask(method, target, headers))


@pytest.mark.parametrize("what", ["page", "page, unchanged", "script"])
def test_caches_know_that_the_coding_was_chosen(tus: Tus, what: str) -> None:
    assert tus.ask(*ANSWERS[what])["Vary"] == "Accept-Encoding"


def test_headers_of_a_refused_handshake(product: Product) -> None:
    with pytest.raises(Refused) as refusal:
        WebSocket(product.address, headers={"Origin": "https://evil.example"})
    assert refusal.value.answer["X-Content-Type-Options"] == "nosniff"
    assert refusal.value.answer.get("Server") is None


def test_what_is_no_http_gets_no_headers_and_no_words(tus: Tus) -> None:
    """Tornado's own answer: nothing is in it that a browser could take for a page."""
    with tus.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nBad header\r\n\r\n")
        assert connection.until_closed() == b"HTTP/1.1 400 Bad Request\r\n\r\n"


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_host_who_writes_html_is_quoted(immich: Immich, tmp_path: Path, style: str) -> None:
    settings = {"DROP_TITLE": HTML, "DROP_MESSAGE": f"</script>{HTML}", "LOG_FORMAT": style}
    with running(tmp_path, **immich.settings, **settings) as product:
        page = product.tus.ask("GET", "/", {})
        assert HTML.encode() not in page.body, "the page is static"
        config = product.tus.ask("GET", "/api/config", {})
        assert config["Content-Type"].startswith("application/json")
        assert config.json()["title"] == HTML


def test_a_name_is_data(tus: Tus, session: str) -> None:
    tus.create(3, filename=f"{HTML}.jpg", session=session, item="1")
    answer = checked(tus.ask("GET", "/api/uploads", {"Drop-Session": session}))
    assert answer["Content-Type"].startswith("application/json")
    assert not re.search(rb"\.svg|\.html", answer.body)
    assert tus.post(3, metadata(filename=f"{HTML}.html")).status == 415


def test_errors_repeat_nothing_of_what_was_sent(tus: Tus) -> None:
    for answer in (
        tus.ask("GET", f"/{HTML.replace(' ', '%20')}", {}),
        tus.post(3, metadata(filename=f"{HTML}.exe")),
        tus.ask("PATCH", "/files/alert(1)", VERSION | {"Content-Type": "alert(1)"}),
        tus.ask("POST", "/files/", {"Tus-Resumable": "alert(1)"}),
    ):
        assert b"alert" not in answer.body
        assert "alert" not in str(answer.headers)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, identity", "x"])
def test_nothing_is_inflated(tus: Tus, coding: str) -> None:
    """64 MB of zeros in 64 kB: refused as bytes of a file, no JSON as a question."""
    bomb = gzip.compress(bytes(64 << 20))
    url = tus.create(len(bomb))
    coded = {"Content-Encoding": coding}
    refused(tus.patch(url, 0, bomb, **coded), 415, "wrong_content_type")
    refused(tus.post(len(bomb), body=bomb, headers=coded), 415, "wrong_content_type")
    refused(tus.ask("POST", "/api/known", coded, bomb), 400, "bad_request")
    assert tus.offset(url) == 0
    assert tus.patch(url, 0, bomb, **{"Content-Encoding": "identity"}).status == 204
