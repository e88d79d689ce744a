"""The door in front of a drop: what guests of Immich's links meet while they cannot come in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness.guest import PHONE, by_key, enter, expect_door
from harness.immich import Immich
from harness.product import Product, running
from harness.proxy import free_port
from harness.scenes import violations
from harness.wait import until
from playwright.sync_api import Browser, BrowserContext, Page, expect

PASSWORD = "Prost & schöne Grüße"


@pytest.fixture(scope="module", name="product")
def fixture_product(immich: Immich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Start a product that has no key of its own."""
    with running(tmp_path_factory.mktemp("product"), **immich.keyless) as product:
        yield product


@pytest.fixture(name="context")
def fixture_context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(**PHONE, locale="en-GB")
    yield context
    context.close()


def expect_no_violations(page: Page) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert violations(page) == [], scheme


def test_doors_that_stay_closed(context: BrowserContext, product: Product, immich: Immich) -> None:
    looking = immich.share("Gallery", owner="Lea", allow_upload=False)
    over = immich.share("Over", owner="Lea", expires_at=datetime.now(UTC).isoformat())
    page = context.new_page()
    for path, status, title in (
        ("/", 404, "You need a link"),
        ("/share/nobody-knows/", 404, "This link leads nowhere"),
        (by_key(over), 404, "This link leads nowhere"),
        (by_key(looking), 403, "This link is only for looking"),
    ):
        answer = page.goto(product.url + path)
        assert answer is not None
        assert answer.status == status
        expect_door(page, title)
        assert "Gallery" not in page.content()


def test_a_link_ends_and_begins_again(
    context: BrowserContext, product: Product, immich: Immich
) -> None:
    end = datetime.now(UTC) + timedelta(seconds=2)
    expiring = immich.share("Until", owner="Lea", expires_at=end.isoformat())
    revoked = immich.share("Gone", owner="Lea")
    page = context.new_page()
    for link in (expiring, revoked):
        page.goto(product.url + by_key(link))
        expect(page.locator("body")).to_have_attribute("data-phase", "empty")
    immich.revoke(revoked)
    product.crash()  # what Immich said counts for a while, in one life of the server
    until(lambda: datetime.now(UTC) > end, "the end")
    for link, title in ((revoked, "This link was closed"), (expiring, "This link has ended")):
        answer = page.goto(product.url + by_key(link))
        assert answer is not None
        assert answer.status == 410
        expect_door(page, title)
    immich.change(expiring, expiresAt=None)
    product.crash()
    page.click("#again button")
    expect(page).to_have_title("Until")


def test_the_keyboard_opens_the_door(browser: Browser, product: Product, immich: Immich) -> None:
    link = immich.share("Keys", owner="Tom", password=PASSWORD)
    context = browser.new_context(viewport=PHONE["viewport"], locale="de-DE")
    page = context.new_page()
    page.goto(product.url + by_key(link))
    expect(page.locator("#password")).to_be_focused()
    page.keyboard.type("falsch")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("#password")).to_have_attribute("type", "text")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("Das ist es nicht.")
    expect(page.locator("#password")).to_have_attribute("type", "password")
    expect(page.locator("#password")).to_be_focused()
    expect_no_violations(page)
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_title("Keys")
    context.close()


def test_too_many_tries_count_down(
    context: BrowserContext, product: Product, immich: Immich
) -> None:
    link = immich.share("Vault", owner="Tom", password=PASSWORD)
    page = context.new_page()
    page.clock.install()
    page.goto(product.url + by_key(link))
    unlock = f"{product.url}{by_key(link)}api/unlock"
    wrong = {"password": "guess"}
    until(lambda: context.request.post(unlock, data=wrong).status == 429, "too many tries")
    enter(page, "guess")
    button = page.locator("#enter")
    expect(button).to_contain_text("Try again in 0:0")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#said")).to_have_text("Too many tries. Please wait a moment.")
    expect_no_violations(page)
    page.clock.fast_forward(60_000)
    expect(button).to_have_text("Continue")
    expect(page.locator("#status")).to_have_text("You can try again now.")
    expect(page.locator("#said")).to_be_empty()


def test_a_guest_in_the_house_comes_by_our_own_address(
    context: BrowserContext, immich: Immich, tmp_path: Path
) -> None:
    """PUBLIC_URL is for those outside: a cookie for there would not open the door here."""
    link = immich.share("Kitchen", owner="Lea", password=PASSWORD)
    public = {"PUBLIC_URL": "https://drop.example/photos", "PORT": str(free_port())}
    with running(tmp_path, **immich.keyless, **public) as product:
        page = context.new_page()
        page.goto(product.url + by_key(link))
        enter(page, PASSWORD)
        expect(page).to_have_title("Kitchen")
