"""Shared links as drops: who is let in, where files go, and what one drop tells of another."""

import hashlib
import re
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from harness.expect import refused
from harness.immich import VERSIONS, Immich, Link
from harness.product import Product, running
from harness.proxy import free_port
from harness.tus import VERSION, patch_headers, path_of
from harness.visit import Visit
from harness.wait import until
from harness.websocket import Refused, WebSocket
from harness.wire import Response
from tornado.web import create_signed_value

PASSWORD = "pass & wörd"
NAME = "unser schöner Tag/婚礼?&+%"
PAST = "2026-01-01T00:00:00.000Z"
COOKIE = re.compile(r"unlocked-[0-9a-f]{16}=")


@pytest.fixture(name="product", scope="module")
def fixture_product(immich: Immich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product without an API key, behind a proxy."""
    settings = {**immich.keyless, "TRUSTED_PROXIES": "127.0.0.1", "GUEST_NAME": "optional"}
    with running(tmp_path_factory.mktemp("product"), **settings) as product:
        yield product


@pytest.fixture
def locked(immich: Immich) -> Link:
    """A link with a password."""
    return immich.share("Club", owner="Bob", password=PASSWORD)


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


# Where a link is needed


@pytest.mark.parametrize("with_key", [True, False])
def test_a_drop_without_a_page(immich: Immich, tmp_path: Path, with_key: bool, data: bytes) -> None:
    """DROP_PAGE=off closes `/`, and so does no API key; links are open."""
    settings = immich.settings | ({"DROP_PAGE": "off"} if with_key else {"IMMICH_API_KEY": ""})
    with running(tmp_path, **settings) as product:
        at_root = Visit(product)
        page = at_root.ask("GET", "/")
        assert (page.status, page.body[:9]) == (404, b"<!doctype")
        for answer in (at_root.config(), at_root.create(data), at_root.known(sha1(data))):
            refused(answer, 404, "link_needed")
        refused(at_root.unlock("x"), 404, "not_found")
        assert at_root.uploads() == []
        link = immich.share("Wedding")
        Visit.by_key(product, link).upload(data)
        assert immich.wait_for(data).id in immich.album(link.album)
        assert product.tus.ask("GET", "/readyz").json()["immich"] == "ok"


def test_with_a_key_both_are_open(immich: Immich, tmp_path: Path) -> None:
    with running(tmp_path, **immich.settings, DROP_TITLE="Ours") as product:
        link = immich.share("Wedding", description="Bring all!")
        assert Visit(product).config().json()["title"] == "Ours"
        by_link = Visit.by_key(product, link).config().json()
        assert (by_link["title"], by_link["message"]) == ("Wedding", "Bring all!")


# The page


@pytest.mark.parametrize("kind", ["share", "s"])
def test_the_address_ends_in_a_slash(product: Product, immich: Immich, kind: str) -> None:
    link = immich.share("Wedding", slug=f"slash {kind}")
    name = {"share": link.key, "s": quote(f"slash {kind}")}[kind]
    for method in ("GET", "HEAD"):
        answer = Visit(product).ask(method, f"/{kind}/{name}?from=chat")
        assert answer.status == 301
        assert answer["Location"] == f"./{name}/"
    page = Visit(product).ask("GET", f"/{kind}/{name}/")
    assert page.status == 200
    assert page["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("rest", "where"), [("photos", "./"), ("photos/", "../"), ("photos/some-id", "../")]
)
def test_the_address_of_one_photo_leads_to_the_drop(
    product: Product, immich: Immich, rest: str, where: str
) -> None:
    """A host may have looked at a photo when they copied the address out of Immich."""
    visit = Visit.by_key(product, immich.share("Wedding"))
    answer = visit.ask("GET", f"/{rest}")
    assert (answer.status, answer["Location"]) == (302, where)


@pytest.mark.parametrize(
    "name", ["https:evil.example", "http:evil.example", "javascript:alert(1)", "%2F%2Fevil", "\\e"]
)
def test_a_redirect_stays_here(product: Product, name: str) -> None:
    for kind in ("share", "s"):
        answer = Visit(product).ask("GET", f"/{kind}/{name}")
        assert answer.status == 301
        assert answer["Location"] == f"./{name}/"


@pytest.mark.parametrize("version", VERSIONS[1:], indirect=True)
@pytest.mark.usefixtures("version")
def test_by_its_key_and_by_its_name(product: Product, immich: Immich) -> None:
    link = immich.share("Wedding", slug=NAME, description="Bring <b>all</b>!")
    for visit in (Visit.by_key(product, link), Visit.by_name(product, NAME)):
        assert visit.ask("GET", "/").status == 200
        about = visit.config().json()
        assert (about["title"], about["message"]) == ("Wedding", "Bring <b>all</b>!")
        for secret in (link.key, link.id, link.album, link.owner, "Host"):
            assert secret not in visit.config().body.decode()
        code = visit.ask("GET", "/qr.svg")
        assert (code.status, code["Content-Type"]) == (200, "image/svg+xml")


def test_closed_doors_say_why(product: Product, immich: Immich, locked: Link) -> None:
    expired = immich.share("Old", expires_at=PAST)
    shows = immich.share("Only to look at", allow_upload=False)
    for path, status, code in (
        ("/share/nobody", 404, "link_unknown"),
        (f"/share/{expired.key}", 404, "link_unknown"),
        (f"/share/{immich.share('Wedding').key[:-9]}", 404, "link_unknown"),
        ("/share/mistyped).", 404, "link_unknown"),
        ("/share/%D0%BA%D0%BB%D1%8E%D1%87", 404, "link_unknown"),
        ("/s/nobody", 404, "link_unknown"),
        (f"/share/{shows.key}", 403, "link_no_upload"),
        (f"/share/{locked.key}", 401, "password_required"),
    ):
        visit = Visit(product, path)
        page = visit.ask("GET", "/")
        assert (page.status, page["Content-Type"]) == (status, "text/html; charset=utf-8"), path
        assert page["Cache-Control"] == "no-store"
        assert b"Club" not in page.body
        for answer in (visit.config(), visit.create(b"x"), visit.known("0" * 40)):
            refused(answer, status, code)
            assert b"Club" not in answer.body
        refused(visit.ask("GET", "/qr.svg"), status, code)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/share/{'k' * 300}/", 404),
        (f"/s/{'n' * 3000}/qr.svg", 404),
        ("/s/s%FC%DF/api/config", 400),
        ("/s/%00/api/config", 404),
        ("/share//", 404),
        ("/share/", 404),
        ("/s/a/b/", 404),
    ],
)
def test_what_is_no_address_of_a_link(product: Product, path: str, status: int) -> None:
    refused(Visit(product).ask("GET", path), status)


def test_a_body_for_a_name_that_is_no_text(product: Product) -> None:
    visit = Visit(product, "/s/s%FC%DF")
    refused(visit.create(b"x" * 5000), 400, "bad_request")


# Where files go


@pytest.mark.usefixtures("version")
def test_two_hosts_and_their_albums(product: Product, immich: Immich, data: bytes) -> None:
    links = [
        immich.share("Wedding", owner="Anna"),
        immich.share("Party", owner="Anna"),
        immich.share("Club", owner="Bob", password=PASSWORD),
    ]
    visits = [Visit.by_key(product, link) for link in links]
    assert visits[2].unlock(PASSWORD).status == 204
    for visit in visits:
        visit.upload(data)
        until(
            lambda visit=visit: (
                {each["state"] for each in visit.uploads()} <= {"stored", "duplicate"}
            ),
            "the file to be in Immich",
        )
    states = [[each["state"] for each in visit.uploads()] for visit in visits]
    assert states == [["stored"], ["duplicate"], ["stored"]]
    first, second = immich.assets(data)
    assert [first.owner, second.owner] == [links[0].owner, links[2].owner]
    assert first.id in immich.album(links[0].album)
    assert first.id in immich.album(links[1].album), "a duplicate joins"
    assert immich.album(links[2].album)[-1] == second.id


def test_upload_urls_lie_below_the_link(product: Product, immich: Immich, data: bytes) -> None:
    immich.share("Wedding", slug=NAME)
    visit = Visit.by_name(product, NAME)
    answer = visit.create(b"", length=len(data))
    url = path_of(answer["Location"])
    assert url.startswith(f"{visit.path}/files/")
    assert visit.ask_at(url, "PATCH", patch_headers(0), data).status == 204
    immich.wait_for(data)


# Passwords


def attempts(visit: Visit, data: bytes) -> list[Response]:
    """Try everything that needs to be let in."""
    return [
        visit.create(data),
        visit.create(b"", length=5),
        visit.config(),
        visit.known(sha1(data)),
        visit.ask("GET", "/qr.svg"),
    ]


@pytest.mark.usefixtures("version")
def test_nothing_goes_without_the_password(
    product: Product, immich: Immich, locked: Link, data: bytes
) -> None:
    visit = Visit.by_key(product, locked)
    for answer in attempts(visit, data):
        refused(answer, 401, "password_required")
    refused(visit.unlock(""), 401, "password_required")
    for wrong in ("wrong", PASSWORD.lower().title()):
        answer = visit.unlock(wrong)
        refused(answer, 403, "password_wrong")
        assert answer.get("Set-Cookie") is None
    for strange in (None, 5, ["x"], "\ud800", "x" * 2000):
        refused(visit.unlock(strange), 400, "bad_request")
    for answer in attempts(visit, data):
        refused(answer, 401, "password_required")
    assert visit.unlock(PASSWORD).status == 204
    assert visit.ask("GET", "/").status == 200
    assert [answer.status for answer in attempts(visit, data)] == [201, 201, 200, 200, 200]
    assert immich.wait_for(data).owner == locked.owner


def test_the_cookie_is_for_our_server_only(product: Product, locked: Link) -> None:
    plain = Visit.by_key(product, locked)
    header = plain.unlock(PASSWORD)["Set-Cookie"]
    assert COOKIE.match(header)
    assert {"HttpOnly", "SameSite=Strict"} <= set(re.split("; ?", header))
    assert "Secure" not in header
    for secret in (locked.key, PASSWORD, quote(PASSWORD)):
        assert secret not in header
    (cookie,) = plain.cookies.values()
    assert 6 <= (parsed(cookie["expires"]) - datetime.now(UTC)) / timedelta(days=1) <= 31
    tls = Visit.by_key(product, locked)
    tls.headers["X-Forwarded-Proto"] = "https"
    assert "Secure" in re.split("; ?", tls.unlock(PASSWORD)["Set-Cookie"])


def parsed(date: str) -> datetime:
    return datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)


def test_a_cookie_opens_one_link(
    product: Product, immich: Immich, locked: Link, data: bytes
) -> None:
    other = immich.share("Other", password=PASSWORD)
    visits = [Visit.by_key(product, link) for link in (locked, other)]
    for visit in visits:
        assert visit.unlock(PASSWORD).status == 204
    (ours,), (theirs,) = (visit.cookies for visit in visits)
    values = [next(iter(visit.cookies.values())).value for visit in visits]
    assert values[0] != values[1]
    for names in ((ours, values[1]), (theirs, values[0])):
        stranger = Visit.by_key(product, locked)
        stranger.headers["Cookie"] = "=".join(names)
        for answer in attempts(stranger, data):
            refused(answer, 401, "password_required")


def test_a_cookie_that_is_not_ours_or_old(product: Product, locked: Link, data: bytes) -> None:
    visit = Visit.by_key(product, locked)
    visit.unlock(PASSWORD)
    ((name, cookie),) = visit.cookies.items()
    with sqlite3.connect(product.folder / "data" / "state.db") as db:
        ((secret,),) = db.execute("SELECT value FROM facts WHERE key = 'secret'")
        ((lock,),) = db.execute("SELECT lock FROM links WHERE id = ?", (locked.id,))
    db.close()

    def signed(value: str, days: int = 0, key: str = secret, name: str = name) -> str:
        clock = lambda: time.time() - days * 86400
        return create_signed_value(key, name, value, clock=clock).decode()

    good = signed(lock)
    forged = {
        "unsigned": lock,
        "by another": signed(lock, key="guessed"),
        "for another": signed(lock, name="unlocked-0123456789abcdef"),
        "old": signed(lock, days=8),
        "of the link": signed(locked.id),
        "of another link": signed("another"),
        "of none": signed(""),
        "cut": good[:-1],
        "bent": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "empty": "",
    }
    for what, value in forged.items():
        stranger = Visit.by_key(product, locked)
        stranger.headers["Cookie"] = f"{name}={value}"
        assert [answer.status for answer in attempts(stranger, data)] == [401] * 5, what
    stranger.headers["Cookie"] = f"{name}={good}"
    assert stranger.config().status == 200
    assert cookie.value != good[:10]


def test_an_open_link_unlocks_nothing(product: Product, immich: Immich) -> None:
    """Else whoever came while it was open could stay when it is not any more."""
    answer = Visit.by_key(product, immich.share("Wedding")).unlock("anything")
    assert answer.status == 204
    assert answer.get("Set-Cookie") is None


def test_it_stays_unlocked_over_a_restart(immich: Immich, tmp_path: Path, locked: Link) -> None:
    with running(tmp_path, **immich.settings) as product:
        visit = Visit.by_key(product, locked)
        visit.unlock(PASSWORD)
        assert product.stop() == 0
        product.start()
        assert visit.config().status == 200


# One drop and another


def test_sessions_mean_nothing_at_another_drop(immich: Immich, tmp_path: Path, data: bytes) -> None:
    with running(tmp_path, **immich.settings) as product:
        ours, theirs = immich.share("Ours"), immich.share("Theirs", slug="theirs")
        visit = Visit.by_key(product, ours)
        refusal = {"status": 400, "message": "Unsupported file type .jpg", "times": None}
        with immich.fault("status", **refusal):
            url = visit.upload(data, item="1")
            until(lambda: visit.waiting("immich_type_refused"), "the file to fail")
        upload_id = url.rpartition("/")[2]
        assert [each["id"] for each in visit.uploads()] == [upload_id]
        elsewhere = [
            Visit.by_key(product, theirs),
            Visit.by_name(product, "theirs"),
            Visit(product),
        ]
        for stranger in elsewhere:
            assert stranger.uploads(visit.session) == []
            with stranger.watch() as page:
                page.say({"session": visit.session})
                assert page.hear() == {"type": "snapshot", "uploads": []}
            refused(retry(stranger, upload_id, visit.session), 404, "not_found")
        with visit.watch() as page:
            page.say({"session": visit.session})
            assert [each["id"] for each in page.hear()["uploads"]] == [upload_id]
        assert retry(visit, upload_id, visit.session).status == 204
        until(lambda: visit.uploads()[0]["state"] == "stored", "the file to be in Immich")
        assert visit.known(sha1(data)).json() == {"known": [sha1(data)]}
        for stranger in elsewhere:
            assert stranger.known(sha1(data)).json() == {"known": []}
        before = len(immich.assets(data))
        elsewhere[0].session = visit.session
        elsewhere[0].upload(data, item="1")
        until(lambda: elsewhere[0].uploads()[0]["state"] == "duplicate", "another upload")
        assert len(immich.assets(data)) == before == 1


def retry(visit: Visit, upload_id: str, session: str) -> Response:
    return visit.ask("POST", f"/api/uploads/{upload_id}/retry", {"Drop-Session": session})


@pytest.mark.parametrize("session", ["{scope}.{session}", "../{session}", ".{session}", "%2e"])
def test_no_session_is_that_of_another_drop(
    product: Product, immich: Immich, session: str, data: bytes
) -> None:
    """The server puts the drop before a session; a guest who does it too is nobody."""
    visit = Visit.by_key(product, immich.share("Wedding"))
    visit.upload(data)
    with sqlite3.connect(product.folder / "data" / "state.db") as db:
        ((stored,),) = db.execute(
            "SELECT session FROM uploads WHERE session LIKE ?", (f"%{visit.session}",)
        )
    db.close()
    scope = stored.partition(".")[0]
    forged = session.format(scope=scope, session=visit.session)
    answer = Visit(product).ask("GET", "/api/uploads", {"Drop-Session": forged})
    refused(answer, 400, "bad_request")


def test_a_websocket_of_another_site(product: Product, immich: Immich) -> None:
    visit = Visit.by_key(product, immich.share("Wedding"))
    evil = {"Origin": "https://evil.example"}
    with pytest.raises(Refused) as found:
        WebSocket(product.address, path=f"{visit.path}/ws", headers=evil)
    assert found.value.answer.status == 403


# Under another address


@pytest.mark.parametrize("stripped", [True, False])
def test_below_a_path_and_behind_tls(
    immich: Immich, tmp_path: Path, locked: Link, data: bytes, stripped: bool
) -> None:
    settings = immich.settings | {
        "PORT": str(free_port()),
        "PUBLIC_URL": "https://drop.example/photos",
        "BASE_PATH": "/photos",
    }
    with running(tmp_path, **settings) as product:
        base = "" if stripped else "/photos"
        visit = Visit(product, f"{base}/share/{locked.key}")
        answer = visit.ask("GET", "")
        assert (answer.status, answer["Location"]) == (301, f"./{locked.key}/")
        header = visit.unlock(PASSWORD)["Set-Cookie"]
        assert {"Secure", "Path=/photos/"} <= set(re.split("; ?", header))
        answer = visit.create(data)
        where = f"https://drop.example/photos/share/{locked.key}/files/"
        assert answer["Location"].startswith(where)
        url = base + path_of(answer["Location"]).removeprefix("/photos")
        assert visit.ask_at(url, "HEAD", VERSION)["Upload-Offset"] == str(len(data))
        immich.wait_for(data)
