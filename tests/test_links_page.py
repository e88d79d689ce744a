"""Guests who come by a shared link of Immich, in a browser: the page, and the door before it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
from harness.guest import (
    PATIENCE_MS,
    PHONE,
    arrived,
    by_key,
    enter,
    expect_door,
    photos,
    tab,
    weight,
)
from harness.hostile import Hostile
from harness.immich import Immich, Link
from harness.product import Product, running
from harness.wait import until
from playwright.sync_api import Browser, BrowserContext, expect

OLD_AND_NEW = ("2.7.5", "3.2.2")
"""Releases of Immich that ask for a link's password in different ways."""
PASSWORD = "Prost & schöne Grüße"
ALBUM = "2026-09-12_Hochzeitsgesellschaft_Anna-Lena_und_Maximilian"
"""As hosts name them, who never saw it as a headline."""
IMPATIENT = "Math.random = () => 0.1;"
"""The page draws its waits with it, and nothing else."""


@pytest.fixture(scope="module", name="immich", params=OLD_AND_NEW)
def fixture_immich(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Immich]:
    with Immich(tmp_path_factory.mktemp("immich"), "--version", request.param) as immich:
        yield immich


@pytest.fixture(scope="module", name="product")
def fixture_product(immich: Immich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Start a product that has no key of its own."""
    with running(tmp_path_factory.mktemp("product"), **immich.keyless) as product:
        yield product


@pytest.fixture(name="context")
def fixture_context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(**PHONE, locale="en-GB")
    context.add_init_script(IMPATIENT)
    yield context
    context.close()


def joined(immich: Immich, link: Link, paths: list[Path]) -> None:
    """Check that each file is in Immich once: its owner's, and in the album of the link."""
    for asset in arrived(immich, paths):
        assert asset.owner == link.owner
        until(lambda wanted=asset: wanted.id in immich.album(link.album), f"{asset} in the album")


def test_an_open_link(
    context: BrowserContext, network: Hostile, immich: Immich, tmp_path: Path
) -> None:
    slug = "unser schöner Tag"
    link = immich.share(ALBUM, owner="Lea", slug=slug, description="Bring <b>all</b>!")
    for number, path in enumerate((f"/share/{link.key}", f"/s/{quote(slug)}")):
        brought = photos(tmp_path / str(number), 50_000, 60_000)
        with tab(context, network, path=path) as guest:
            expect(guest.page).to_have_url(f"http://127.0.0.1:{network.address[1]}{path}/")
            expect(guest.page).to_have_title(ALBUM)
            width = guest.page.evaluate("document.documentElement.scrollWidth")
            assert width == PHONE["viewport"]["width"]
            expect(guest.page.locator("#message")).to_have_text("Bring <b>all</b>!")
            expect(guest.page.locator("#audience")).to_contain_text("others with this link")
            guest.pick(brought)
            guest.expect_phase("done")
        joined(immich, link, brought)


def test_a_password_opens_one_link_in_one_browser(
    context: BrowserContext, network: Hostile, immich: Immich, tmp_path: Path
) -> None:
    link = immich.share("Club", owner="Tom", password=PASSWORD)
    other = immich.share("Board", owner="Tom", password=PASSWORD)
    url = f"http://127.0.0.1:{network.address[1]}"
    page = context.new_page()
    answer = page.goto(url + by_key(link))
    assert answer is not None
    assert answer.status == 401
    assert "Club" not in page.content()
    expect_door(page, "What is the password?")
    enter(page, "Prost")
    expect(page.locator("#said")).to_have_text(
        "That is not it. Mind capital letters, and try again."
    )
    expect(page.locator("#password")).to_be_focused()
    network.leave()
    enter(page, PASSWORD)
    expect(page.locator("#said")).to_have_text("No connection")
    network.come_back()
    enter(page, PASSWORD)
    expect(page).to_have_title("Club")
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-phase", "empty")
    brought = photos(tmp_path / "club", 50_000, 60_000)
    with tab(context, network, path=by_key(link)) as guest:
        guest.pick(brought)
        guest.expect_phase("done")
    joined(immich, link, brought)
    page.goto(url + by_key(other))
    expect_door(page, "What is the password?")


def test_a_link_is_closed_in_the_middle(
    context: BrowserContext, product: Product, network: Hostile, immich: Immich, tmp_path: Path
) -> None:
    link = immich.share("Short", owner="Tom")
    brought = photos(tmp_path / "short", *range(300_000, 300_012))
    with tab(context, network, path=by_key(link)) as guest:
        rows = guest.page.locator
        # The server asks Immich about a link every 20 s; a fresh one does so at once.
        immich.change(link, allowUpload=False)
        network.rate = 300_000
        guest.pick(brought)
        expect(rows("li[data-state=received]")).not_to_have_count(0)
        product.crash()
        network.rate = None
        guest.expect_phase("attention")
        refused, waiting = rows("li[data-state=failed]"), rows("li[data-state=received]")
        assert refused.count() + waiting.count() == len(brought)
        for row in refused.all():
            expect(row).to_contain_text("This link takes nothing more.")
        held = waiting.filter(has_text="Safe with us. It goes on when your host opens this link")
        expect(held).not_to_have_count(0)
        assert not any(immich.assets(path.read_bytes()) for path in brought)

        expected = refused.count(), waiting.count()
        assert min(expected) > 0
        immich.change(link, allowUpload=True)
        expect(rows("li[data-state=stored]")).to_have_count(expected[1], timeout=PATIENCE_MS)
        product.crash()
        rows("#mend").click()
        guest.expect_phase("done")
    joined(immich, link, brought)


def test_three_drops_in_one_browser(
    context: BrowserContext, immich: Immich, tmp_path: Path
) -> None:
    everywhere, *own = photos(tmp_path / "photos", 50_000, 60_000, 70_000, 80_000)
    links = [immich.share(f"Of {owner}", owner=owner) for owner in ("Lea", "Tom")]
    paths = ("/", *map(by_key, links))
    with ExitStack() as stack:
        product = stack.enter_context(running(tmp_path / "product", **immich.settings))
        network = stack.enter_context(Hostile(product.address))
        tabs = [stack.enter_context(tab(context, network, path=path)) for path in paths]
        for guest, path in zip(tabs, own, strict=True):
            guest.page.bring_to_front()
            guest.pick([everywhere, path])
            guest.expect_phase("done")
            until(lambda wanted=path: immich.assets(wanted.read_bytes()), "it to be in Immich")
        for guest, path in zip(tabs, own, strict=True):
            guest.page.reload()
            guest.expect_phase("done")
            expect(guest.page.locator("#list li")).to_have_count(2)
            expect(guest.row(path)).to_have_count(1)
        sessions = tabs[0].page.evaluate("Object.entries(localStorage)")
        assert len({value for key, value in sessions if key.startswith("drop-session")}) == 3
    for link, path in zip(links, own[1:], strict=True):
        joined(immich, link, [path])
    copies = immich.assets(everywhere.read_bytes())
    assert len({asset.owner for asset in copies}) == len(copies) == 3
    for link in links:
        assert {asset.id for asset in copies if asset.owner == link.owner} <= set(
            immich.album(link.album)
        )


def test_who_brings_it_is_asked_first(
    context: BrowserContext, immich: Immich, tmp_path: Path
) -> None:
    link = immich.share("Named", owner="Lea")
    first, second = photos(tmp_path / "photos", 50_000, 60_000)
    with (
        running(tmp_path / "product", **immich.keyless, GUEST_NAME="required") as product,
        Hostile(product.address) as network,
        tab(context, network, path=by_key(link)) as guest,
    ):
        guest.pick([first])
        guest.expect_phase("held")
        expect(guest.page.locator("#name")).to_be_focused()
        guest.page.keyboard.press("Enter")
        expect(guest.page.locator("#name[aria-invalid=true]")).to_be_focused()
        guest.expect_phase("held")
        assert network.sent < weight([first]) / 2
        assert product.spool == []
        guest.page.keyboard.type(" Zoë 🎈 ")
        guest.page.keyboard.press("Enter")
        guest.expect_phase("done")
        guest.page.reload()
        guest.expect_phase("done")
        guest.pick([second])
        guest.expect_phase("done")
        joined(immich, link, [first, second])
        for data in (first.read_bytes(), second.read_bytes()):
            until(
                lambda data=data: immich.wait_for(data).description == "From Zoë 🎈",
                "the description",
            )


def test_the_way_to_the_phone(browser: Browser, product: Product, immich: Immich) -> None:
    link = immich.share("On with the phone", owner="Lea")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(product.url + by_key(link))
    page.click("[data-do=phone]")
    code = page.locator("#phone img")
    expect(code).to_be_visible()
    until(lambda: code.evaluate("image => image.complete && image.naturalWidth > 0"), "the code")
    src = code.evaluate("image => image.currentSrc")
    assert src == f"{product.url}{by_key(link)}qr.svg"
    assert context.request.get(src).headers["content-type"] == "image/svg+xml"
    context.close()


def test_a_cut_a_restart_and_a_reload(
    context: BrowserContext, product: Product, network: Hostile, immich: Immich, tmp_path: Path
) -> None:
    link = immich.share("Storm", owner="Tom")
    brought = photos(tmp_path / "storm", 1_000_000, 1_000_001, 1_000_002)
    total = weight(brought)
    with tab(context, network, path=by_key(link)) as guest:
        network.rate = 700_000
        guest.pick(brought)
        guest.wait_sent(0.2 * total)
        network.leave()
        guest.expect_phase("offline")
        network.come_back()
        guest.wait_sent(0.5 * total)
        product.crash()
        guest.wait_sent(0.7 * total)
        guest.page.reload()
        guest.expect_phase("attention")
        network.rate = None
        guest.pick(brought)
        guest.expect_phase("done")
        # What the browser's kernel still holds at a reload is sent, too; the restart takes half a
        # second that was not yet on disk.
        assert network.sent < 1.8 * total, "from scratch it would be 2.1"
    joined(immich, link, brought)
