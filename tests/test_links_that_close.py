"""A link that ends while its guests are here: nothing received is lost, and the host hears."""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness.expect import refused
from harness.immich import Immich, Link
from harness.product import Product, launch, running
from harness.tus import patch_headers, path_of
from harness.visit import Visit
from harness.wait import until

PAST = "2026-01-01T00:00:00.000Z"
PASSWORD = "pass & wörd"


@pytest.fixture(name="product")
def fixture_product(immich: Immich, tmp_path: Path) -> Iterator[Product]:
    """A product without an API key."""
    with running(tmp_path / "product", **immich.keyless) as product:
        yield product


@pytest.fixture(name="visit")
def fixture_visit(product: Product, link: Link) -> Visit:
    """A guest who came while the link was open."""
    visit = Visit.by_key(product, link)
    assert visit.config().status == 200
    return visit


@pytest.fixture(name="link")
def fixture_link(immich: Immich) -> Link:
    return immich.share("Wedding", owner="Anna")


def ready(product: Product) -> dict[str, str]:
    answer = product.tus.ask("GET", "/readyz")
    body: dict[str, str] = answer.json()
    assert (answer.status == 200) == (set(body.values()) == {"ok"})
    return body


CLOSINGS: dict[str, Callable[[Immich, Link], object]] = {
    "deleted": lambda immich, link: immich.revoke(link),
    "no upload": lambda immich, link: immich.change(link, allowUpload=False),
    "expired": lambda immich, link: immich.change(link, expiresAt=PAST),
}
OPENINGS: dict[str, Callable[[Immich, Link], object]] = {
    "no upload": lambda immich, link: immich.change(link, allowUpload=True),
    "expired": lambda immich, link: immich.change(link, expiresAt=None),
}


@pytest.mark.parametrize("how", CLOSINGS)
def test_in_the_middle_of_a_file(
    product: Product, immich: Immich, link: Link, visit: Visit, data: bytes, how: str
) -> None:
    """What began goes on to its end, and the guest is told `received`."""
    url = path_of(visit.create(b"", length=len(data), item="1")["Location"])
    assert visit.ask_at(url, "PATCH", patch_headers(0), data[:200]).status == 204
    with visit.watch() as page:
        page.say({"session": visit.session})
        page.hear()
        CLOSINGS[how](immich, link)
        assert visit.ask_at(url, "PATCH", patch_headers(200), data[200:]).status == 204
        heard = page.hear_until(lambda message: message["upload"]["code"] is not None)
    assert heard[-1]["upload"]["code"] == "link_revoked"
    assert {message["upload"]["state"] for message in heard} == {"received"}
    assert len(product.spool) == 1
    assert ready(product)["links"] == "link_revoked"
    assert ready(product)["immich"] == "ok"
    if how in OPENINGS:
        OPENINGS[how](immich, link)
        asset = immich.wait_for(data)
        assert asset.owner == link.owner
        assert asset.id in immich.album(link.album)
        until(lambda: ready(product)["links"] == "ok", "all to be well")
        until(lambda: product.spool == [], "our bytes to go")


def test_a_locked_link_that_takes_nothing_more(
    product: Product, immich: Immich, data: bytes
) -> None:
    """Immich tells only who has the password, and refuses the first file that comes."""
    locked = immich.share("Club", password=PASSWORD)
    visit = Visit.by_key(product, locked)
    visit.unlock(PASSWORD)
    immich.change(locked, allowUpload=False)
    visit.upload(data)
    until(lambda: visit.waiting("link_revoked"), "the file to wait")
    refused(visit.create(data), 401, "password_required")
    assert visit.unlock(PASSWORD).status == 204
    refused(visit.create(data), 403, "link_no_upload")
    immich.change(locked, allowUpload=True)
    assert immich.wait_for(data).id in immich.album(locked.album)
    assert visit.unlock(PASSWORD).status == 204
    visit.upload(data)


def test_who_lost_the_answer_to_a_creation_may_go_on(
    product: Product, immich: Immich, link: Link, visit: Visit, data: bytes
) -> None:
    """The page asks again for the same item, and must get the upload it does not know of."""
    url = path_of(visit.create(b"", length=len(data), item="1")["Location"])
    assert visit.ask_at(url, "PATCH", patch_headers(0), data[:200]).status == 204
    immich.revoke(link)
    product.crash()  # so that Immich is asked anew
    again = visit.create(b"", length=len(data), item="1")
    assert (again.status, path_of(again["Location"])) == (201, url)
    assert again["Upload-Offset"] == "200"
    refused(visit.create(b"", length=len(data), item="2"), 410, "link_revoked")


@pytest.mark.parametrize("how", CLOSINGS)
def test_over_a_restart(
    product: Product, immich: Immich, link: Link, visit: Visit, data: bytes, how: str
) -> None:
    if how == "expired":
        soon = datetime.now(UTC) + timedelta(days=1)
        immich.change(link, expiresAt=soon.isoformat().replace("+00:00", "Z"))
    CLOSINGS[how](immich, link)
    visit.upload(data)
    until(lambda: visit.waiting("link_revoked"), "the file to wait")
    product.crash()
    until(lambda: ready(product)["links"] == "link_revoked", "it to wait again")
    assert [each["state"] for each in visit.uploads()] == ["received"]
    status, code = (403, "link_no_upload") if how == "no upload" else (410, "link_revoked")
    page = visit.ask("GET", "/")
    assert (page.status, page["Content-Type"]) == (status, "text/html; charset=utf-8")
    for answer in (visit.config(), visit.create(data), visit.known("0" * 40)):
        refused(answer, status, code)
    if how in OPENINGS:
        OPENINGS[how](immich, link)
        immich.wait_for(data)


def test_a_link_whose_time_is_over_says_so(
    product: Product, immich: Immich, link: Link, visit: Visit
) -> None:
    immich.change(link, expiresAt=in_seconds(3600))
    product.crash()
    assert visit.config().status == 200
    immich.change(link, expiresAt=in_seconds(0.05))
    product.crash()
    until(lambda: visit.config().status == 410, "the link to end")


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.mark.usefixtures("version")
def test_the_hosts_library_instead(immich: Immich, tmp_path: Path, link: Link) -> None:
    """LINK_REVOKED=fallback: each of them once, whatever happens on the way."""
    settings = immich.settings | {"LINK_REVOKED": "fallback", "IMMICH_ALBUM_NAME": "Strays"}
    files = [secrets.token_bytes(500 + n) for n in range(4)]
    with running(tmp_path, **settings) as product:
        visit = Visit.by_key(product, link)
        visit.upload(files[0])
        immich.wait_for(files[0])
        immich.revoke(link)
        with immich.fault("lose_answer", times=1):
            for data in (*files, files[1]):
                visit.upload(data)
            until(
                lambda: {each["state"] for each in visit.uploads()} <= {"stored", "duplicate"},
                "all of them to be in Immich",
            )
        product.crash()
        assert ready(product)["links"] == "ok"
    owners = [[asset.owner == link.owner for asset in immich.assets(data)] for data in files]
    assert owners == [[True, False], [False], [False], [False]]


def test_a_host_who_changes_his_mind(
    product: Product, immich: Immich, link: Link, visit: Visit, data: bytes
) -> None:
    """What waits goes into his own library when the drop starts with `fallback`."""
    immich.revoke(link)
    visit.upload(data)
    until(lambda: visit.waiting("link_revoked"), "the file to wait")
    assert product.stop() == 0
    product.start(LINK_REVOKED="fallback", **immich.settings)
    assert immich.wait_for(data).owner != link.owner
    until(lambda: product.spool == [], "our bytes to go")
    assert ready(product)["links"] == "ok"


def test_to_fall_back_there_must_be_something(immich: Immich, tmp_path: Path) -> None:
    process = launch(tmp_path, {**immich.keyless, "LINK_REVOKED": "fallback"})
    assert process.exit_code() == 2
    assert "LINK_REVOKED" in process.log


# Immich is down


def test_a_known_link_stays_open_while_immich_is_down(
    product: Product, immich: Immich, link: Link, visit: Visit, data: bytes
) -> None:
    locked = immich.share("Club", password=PASSWORD)
    inside = Visit.by_key(product, locked)
    inside.unlock(PASSWORD)
    unseen = Visit.by_key(product, immich.share("Unseen"))
    immich.control("POST", "down")
    try:
        product.crash()
        for guest, bytes_ in ((visit, data), (inside, data[::-1])):
            assert guest.ask("GET", "/").status == 200
            guest.upload(bytes_)
            until(lambda guest=guest: guest.waiting("immich_unavailable"), "the file to wait")
        refused(Visit.by_key(product, locked).config(), 401, "password_required")
        for answer in (
            unseen.config(),
            unseen.create(data),
            Visit.by_key(product, locked).unlock(PASSWORD),
            Visit.by_name(product, "nobody").config(),
        ):
            refused(answer, 503, "immich_unavailable")
        page = unseen.ask("GET", "/")
        assert (page.status, page["Content-Type"]) == (503, "text/html; charset=utf-8")
    finally:
        immich.control("POST", "up")
    assert immich.wait_for(data).id in immich.album(link.album)
    assert immich.wait_for(data[::-1]).id in immich.album(locked.album)


def test_one_link_holds_up_no_other(
    product: Product, immich: Immich, link: Link, visit: Visit, data: bytes
) -> None:
    immich.revoke(link)
    for number in range(5):
        visit.upload(data + bytes([number]))
    until(lambda: visit.waiting("link_revoked"), "the files to wait")
    other = immich.share("Other")
    Visit.by_key(product, other).upload(data)
    assert immich.wait_for(data).id in immich.album(other.album)
    assert product.log.count("link_revoked") == 1, "said once, not for each file"
