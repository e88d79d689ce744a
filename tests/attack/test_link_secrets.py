"""What a link rests on, its key, its name and its password, is told to nobody, and not guessed."""

import json
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from harness.expect import refused
from harness.immich import Immich, Link
from harness.product import Product, running
from harness.tus import VERSION, path_of
from harness.visit import Visit
from harness.wait import until
from harness.wire import Connection, Hangup

from immich_drop.app import REQUESTS_PER_MINUTE
from immich_drop.entrance import GUESSES_PER_MINUTE

KEY = re.compile(r"[A-Za-z0-9_-]{40,}")
NAME = "our-very-secret-day"
WIDE = "geheimer Tag süß"
PASSWORD = "open sesame & co"


@pytest.fixture(name="link")
def fixture_link(immich: Immich) -> Link:
    return immich.share("Wedding", slug=NAME, password=PASSWORD)


def attempts(key: str) -> Iterator[tuple[str, str]]:
    """Ask for whatever is below a link, and for what a hasty hand makes of its address."""
    for path in (f"/share/{key}", f"/s/{NAME}", f"/s/{quote(WIDE)}"):
        for what in (
            "",
            "/",
            "/api/config",
            "/api/uploads",
            "/api/nothing",
            "/files/nobody",
            "/ws",
            "/qr.svg",
            "/no.js",
            "/photos/5",
            "//",
        ):
            yield "GET", path + what
        for what in ("/api/unlock", "/api/known", "/files/", "/api/uploads/nobody/retry", "/"):
            yield "POST", path + what
        yield "PATCH", f"{path}/files/nobody"
        yield "DELETE", f"{path}/"
    for path in (
        f"//share/{key}/",
        f"/share//{key}/",
        f"/Share/{key}/",
        f"/share%2F{key}",
        f"/{key}",
        f"/share/{key}.",
        f"/share/{key}%ff/",
        f"/s/{NAME}%ff/api/config",
        f"/s//{NAME}",
        f"/S/{NAME}",
        f"http://drop.example/share/{key}/nothing",
        f"/?key={key}&slug={NAME}&password={quote(PASSWORD)}",
        f"/nothing?key={key}",
        f"/drop/share/{key}/no.js",
        f"/drop/s/{NAME}/no.js",
    ):
        yield "GET", path


def provoke(product: Product, key: str) -> Iterator[bytes]:
    """Say all of it to the server, well and badly, and give every answer's body."""
    for method, target in attempts(key):
        for headers in ({}, {"Host": "[", "Upgrade": "websocket"}, {"Cookie": "unlocked-0=x"}):
            with Connection(product.address) as connection:
                try:
                    answer = connection.ask(method, target, VERSION | headers)
                except Hangup:
                    continue
                location = answer.get("Location") or ""
                yield answer.body + location.removeprefix("./").encode() * (answer.status != 301)
    for path in (f"/share/{key}", f"/s/{NAME}"):
        visit = Visit(product, path)
        for words in (
            PASSWORD + "x",
            PASSWORD,
            ["x", PASSWORD],
            {"a": PASSWORD},
            "\ud800" + PASSWORD,
        ):
            yield visit.unlock(words).body
        yield visit.ask("POST", "/api/unlock", {}, json.dumps(PASSWORD).encode()[:-1]).body
        yield visit.create(b"x", filename="a.jpg").body
        yield visit.create(b"x", filename="a.exe").body
        with visit.watch() as page:
            page.say({"session": PASSWORD})


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("version", [(2, 5, 6), (2, 7, 5)], ids=["2.5.6", "2.7.5"])
def test_they_are_in_no_line_no_answer_and_no_figure(
    immich: Immich, tmp_path: Path, link: Link, style: str, version: tuple[int, ...]
) -> None:
    immich.control("POST", "settings", {"version": version})
    immich.share("Other", slug=WIDE)
    settings = {
        **immich.settings,
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": style,
        "METRICS": "true",
        "IMMICH_API_KEY": "",
    }
    with running(tmp_path, **settings) as product:
        told = b"".join(provoke(product, link.key))
        said = f"Cannot GET /api/shared-links/me?slug={NAME}&password={PASSWORD}"
        with immich.fault("status", match=".*shared.*", status=404, message=said, times=None):
            product.crash()
            told += b"".join(provoke(product, link.key))
        product.crash()
        told += immich_is_gone(product, immich, link)
        for page in ("/metrics", "/readyz", "/healthz"):
            told += product.tus.ask("GET", page).body
        log = product.log
    immich.control("POST", "settings", {"version": (2, 7, 5)})
    assert len(log.splitlines()) > 300
    for where in (log, told.decode()):
        for secret in (link.key, link.key[:20], NAME, WIDE, quote(WIDE), PASSWORD, quote(PASSWORD)):
            assert secret not in where, context(where, secret)
    assert "geheimer" not in log


def immich_is_gone(product: Product, immich: Immich, link: Link) -> bytes:
    visit = Visit.by_name(product, NAME)
    assert visit.unlock(PASSWORD).status == 204
    immich.revoke(link)
    visit.upload(secrets.token_bytes(99))
    until(lambda: visit.waiting("link_revoked"), "the file to wait")
    immich.control("POST", "down")
    product.crash()
    told = b"".join(provoke(product, link.key))
    immich.control("POST", "up")
    return told


def context(text: str, secret: str) -> str:
    at = text.index(secret)
    return text[max(0, at - 300) : at + 200]


# Guessing


@pytest.fixture(name="product")
def fixture_product(immich: Immich, tmp_path: Path) -> Iterator[Product]:
    settings = {**immich.settings, "TRUSTED_PROXIES": "127.0.0.1"}
    with running(tmp_path, **settings) as product:
        yield product


def guess(visit: Visit, words: str = "wrong") -> int:
    answer = visit.unlock(words)
    if answer.status == 429:
        refused(answer, 429, "rate_limited")
        assert 0 < int(answer["Retry-After"]) <= 60
    else:
        refused(answer, 403, "password_wrong")
    return answer.status


def test_passwords(product: Product, immich: Immich, link: Link) -> None:
    visit = Visit.by_key(product, link)
    statuses = [guess(visit) for _ in range(2 * GUESSES_PER_MINUTE)]
    assert statuses[:GUESSES_PER_MINUTE] == [403] * GUESSES_PER_MINUTE
    assert 429 in statuses
    while guess(visit) != 429:
        pass
    asked = immich.requests("POST /shared-links/login")
    assert guess(visit, PASSWORD) == 429, "not even the right one is tried"
    assert immich.requests("POST /shared-links/login") == asked
    assert Visit.by_key(product, link).unlock(PASSWORD).status == 204


def test_passwords_are_questions_as_others_are(product: Product, immich: Immich) -> None:
    """Right ones too: Immich must not have to think about each of a thousand."""
    visit = Visit.by_key(product, immich.share("Open"))
    statuses = Counter(visit.unlock("anything").status for _ in range(REQUESTS_PER_MINUTE + 100))
    assert statuses.keys() == {204, 429}
    assert statuses[204] >= REQUESTS_PER_MINUTE


def test_each_spelling_of_a_key_is_the_same_link(product: Product, immich: Immich) -> None:
    link = immich.share("Club", password=PASSWORD)
    while "3D" not in link.key:
        link = immich.share("Club", password=PASSWORD)
    first = Visit.by_key(product, link)
    while guess(first) != 429:
        pass
    key, middle = link.key, len(link.key) // 2
    spellings = [f"{key}{more}" for more in ("=", ".", "%20", "!~", "%C3%A9")]
    spellings += [f"{key[:middle]}{more}{key[middle:]}" for more in (".", "~~", "%25", "%7B")]
    for spelling in spellings:
        visit = Visit(product, f"/share/{spelling}")
        visit.headers = first.headers
        assert guess(visit) == 429, spelling
    # Quoted, this would be the key for who skips what is no letter of one.
    quoted = Visit(product, f"/share/{key.replace('3D', '=')}")
    refused(quoted.unlock("wrong"), 404, "link_unknown")


def test_keys_and_names(product: Product, immich: Immich) -> None:
    link = immich.share("Known", slug="known")
    other = Visit.by_name(product, "known")
    assert other.config().status == 200
    guest = other.headers["X-Forwarded-For"].replace("::1", "::abcd")
    answers = [
        Visit(product, f"/{kind}/{secrets.token_urlsafe(12)}", guest=guest).config()
        for kind in ("s", "share") * 50
    ]
    statuses = [answer.status for answer in answers]
    assert set(statuses[:59]) == {404}, "one of sixty was the known one"
    assert set(statuses[59:]) <= {404, 429}
    assert statuses.count(429) > 30, "one more each second"
    page = Visit(product, "/s/one-more", guest=guest).ask("GET", "/")
    assert (page.status, page["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert int(page["Retry-After"]) > 0
    again = Visit.by_name(product, "known", guest=guest)
    assert again.config().status == 200, "what is known stays open"
    assert path_of(again.create(b"x")["Location"]).startswith("/s/known/files/")
    assert Visit.by_key(product, link).config().status == 200


def test_codes_are_drawn_for_who_may_come_in_and_not_without_end(
    product: Product, immich: Immich
) -> None:
    refused(Visit.by_name(product, "u" * 900).ask("GET", "/qr.svg"), 404, "link_unknown")
    visit = Visit(product)
    long = {"Host": "h" * 3000}
    refused(visit.ask("GET", "/qr.svg", long), 404, "not_found")
    immich.share("Long", slug="n" * 900)
    refused(Visit.by_name(product, "n" * 900).ask("GET", "/qr.svg"), 404, "not_found")
    link = immich.share("Short")
    assert Visit.by_key(product, link).ask("GET", "/qr.svg").status == 200
