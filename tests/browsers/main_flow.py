"""Choose, be cut off or reload, go on, done: in Firefox and in WebKit; `make test-browsers`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.guest import photos, weight
from harness.hostile import Hostile
from harness.immich import Immich
from harness.product import Product
from harness.wait import until

from browsers.firefox import Firefox
from browsers.webkit import WebKit

Browser = Firefox | WebKit


@pytest.fixture(name="browser", params=[Firefox, WebKit])
def fixture_browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    with request.param() as browser:
        yield browser


def expect_phase(browser: Browser, *names: str) -> None:
    until(
        lambda: browser.evaluate("document.body.dataset.phase") in names,
        f"the page to be {names}",
        timeout=60,
    )


def test_choose_be_cut_off_go_on(
    browser: Browser, product: Product, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 3_000_000, 3_000_000, 300_000)
    with Hostile(product.address) as network:
        browser.open(f"http://127.0.0.1:{network.address[1]}/")
        expect_phase(browser, "empty")
        network.rate = 1_000_000
        browser.choose("#media", paths)
        until(lambda: network.sent > 0.3 * weight(paths), "the upload to be under way")
        network.leave()
        expect_phase(browser, "offline")
        network.rate = None
        network.come_back()
        expect_phase(browser, "done")
        sent = network.sent / weight(paths)
    for path in paths:
        assert immich.wait_for(path.read_bytes()).name == path.name
    print(f"sent {sent:.3f} of what the files weigh; {browser.evaluate('navigator.userAgent')}")
    assert sent < 1.1


def test_reload_choose_again_go_on(
    browser: Browser, product: Product, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 3_000_000, 3_000_000)
    with Hostile(product.address) as network:
        browser.open(f"http://127.0.0.1:{network.address[1]}/")
        expect_phase(browser, "empty")
        network.rate = 1_000_000
        browser.choose("#media", paths)
        until(lambda: network.sent > 0.3 * weight(paths), "the upload to be under way")
        browser.reload()
        expect_phase(browser, "attention")
        network.rate = None
        browser.choose("#media", paths)
        expect_phase(browser, "done")
        sent = network.sent / weight(paths)
    for path in paths:
        assert immich.wait_for(path.read_bytes()).name == path.name
    assert sent < 1.3
