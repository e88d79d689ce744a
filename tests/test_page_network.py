"""The page on a bad network: it goes on by itself, and sends next to nothing twice."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.guest import PHONE, Guest, arrived, photos, tab, weight, write
from harness.hostile import Hostile
from harness.immich import Immich
from harness.product import Product, running
from harness.scenes import chromium
from harness.wait import until
from playwright.sync_api import Browser, BrowserContext, WebSocketRoute, expect

TWICE = 1.05
"""Bytes sent / bytes of the files that is still fair: a few headers more."""
LAN = "drop.lan"
"""A name that is neither localhost nor https: the page is no secure context there."""

# Whatever the page would wait for a sign of life, here it waits a twentieth of it.
IMPATIENT = """
const { set } = Object.getOwnPropertyDescriptor(XMLHttpRequest.prototype, "timeout");
Object.defineProperty(XMLHttpRequest.prototype, "timeout", {
  set(ms) {
    this.begun ??= performance.now();
    const age = performance.now() - this.begun;
    set.call(this, age + (ms - age) / 20);
  },
});
"""
# The page asks every 5 s where it is not told.
CURIOUS = """
const every = setInterval;
globalThis.setInterval = (ask, ms) => every(ask, ms / 10);
"""
# The engine draws its waits with it, and nothing else.
WAITS = "Math.random = () => {factor};"


@pytest.fixture(scope="module", name="browser")
def fixture_browser() -> Iterator[Browser]:
    with chromium(f"--host-resolver-rules=MAP {LAN} 127.0.0.1") as browser:
        yield browser


@pytest.fixture(name="context")
def fixture_context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-GB")
    yield context
    context.close()


@pytest.fixture(name="guest")
def fixture_guest(context: BrowserContext, network: Hostile) -> Iterator[Guest]:
    with tab(context, network) as guest:
        yield guest


@contextmanager
def asleep(browser: Browser) -> Iterator[None]:
    """Stop the processes of all pages, as a phone does with an app out of sight."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    renderers = [each["id"] for each in processes if each["type"] == "renderer"]
    for pid in renderers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in renderers:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_resets_cost_next_to_nothing(
    browser: Browser, network: Hostile, immich: Immich, tmp_path: Path, device: dict[str, Any]
) -> None:
    paths = photos(tmp_path, 2_000_000, 2_000_000, 2_000_000)
    context = browser.new_context(**device)
    context.add_init_script(WAITS.format(factor=0.1))
    with tab(context, network) as guest:
        coarse = guest.page.evaluate("matchMedia('(pointer: coarse)').matches")
        assert coarse == bool(device)
        before = network.sent
        network.allowance = 300_000
        guest.pick(paths)
        guest.expect_phase("done")
        assert network.sent - before < TWICE * weight(paths)
    context.close()
    arrived(immich, paths)


def test_a_stall_is_noticed(
    context: BrowserContext, network: Hostile, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 12_000_000)
    context.add_init_script(IMPATIENT + WAITS.format(factor=0.02))
    with tab(context, network) as guest:
        network.rate = 4_000_000
        guest.pick(paths)
        guest.wait_sent(1_000_000)
        network.freeze()
        network.rate = None
        guest.expect_phase("delivering", "done")
        assert network.sent < TWICE * weight(paths)
        network.thaw()
        guest.expect_phase("done")
    arrived(immich, paths)


def test_the_server_dies_and_comes_back(
    guest: Guest, product: Product, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 2_000_000, 2_000_000)
    guest.network.rate = 500_000
    guest.pick(paths)
    guest.wait_sent(500_000)
    product.kill()
    guest.expect_phase("offline")
    product.start()
    guest.network.rate = None
    guest.expect_phase("done")
    assert guest.network.sent < 1.25 * weight(paths), "with half a second not yet on disk"
    arrived(immich, paths)


def test_back_online_it_does_not_wait(
    context: BrowserContext, network: Hostile, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 1_000_000)
    context.add_init_script(WAITS.format(factor=60))
    with tab(context, network) as guest:
        network.rate = 500_000
        guest.pick(paths)
        guest.wait_sent(300_000)
        context.set_offline(True)
        network.leave()
        guest.expect_phase("offline")
        expect(guest.page.locator("#adviceText")).to_contain_text("goes on by itself")
        network.come_back()
        network.rate = None
        context.set_offline(False)
        guest.expect_phase("done")
    arrived(immich, paths)


def test_a_server_that_says_wait_is_not_out_of_reach(
    browser: Browser, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 30_000, 30_001, 30_002)
    context = browser.new_context(locale="en-GB")
    with (
        running(tmp_path / "full", **immich.settings, MIN_FREE_DISK="900TB") as product,
        Hostile(product.address) as network,
        tab(context, network) as guest,
    ):
        guest.pick(paths)
        guest.expect_phase("offline")
        expect(guest.page.locator("#headline")).to_have_text("Waiting")
        expect(guest.page.locator("#adviceText")).to_contain_text("no room at the moment")
        expect(guest.row(paths[0]).locator(".state")).to_have_text("Waiting")
        network.leave()
        guest.press("nudge")
        expect(guest.page.locator("#headline")).to_have_text("No connection")
        network.come_back()
    context.close()


def test_files_that_change_or_vanish_are_told_apart(
    guest: Guest, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 1_000_000, 1_000_001, 1_000_002)
    changed, vanished, fine = paths
    content = vanished.read_bytes()
    guest.network.rate = 400_000
    guest.pick(paths)
    guest.wait_sent(600_000)
    guest.network.leave()
    guest.expect_phase("offline")
    changed.write_bytes(changed.read_bytes() + b"edited")
    vanished.unlink()
    guest.network.rate = None
    guest.network.come_back()
    guest.expect_phase("attention")
    for path in (changed, vanished):
        expect(guest.row(path)).to_contain_text("Your device no longer lets us read this file.")
    expect(guest.row(fine)).to_have_attribute("data-state", "stored")

    write(vanished, content)
    guest.pick([vanished])
    expect(guest.row(vanished)).to_have_attribute("data-state", "stored")
    guest.row(changed).locator("[data-act=remove]").click()
    guest.expect_phase("done")
    guest.pick([changed])
    guest.expect_phase("done")
    arrived(immich, [vanished, fine])
    immich.wait_for(changed.read_bytes())


def test_a_reload_and_a_second_pick_send_nothing_twice(
    context: BrowserContext, network: Hostile, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 3_000_000, 3_000_000, 3_000_000)
    context.add_init_script(WAITS.format(factor=60))
    with tab(context, network) as guest:
        network.rate = 1_000_000
        guest.pick(paths)
        guest.wait_sent(0.3 * weight(paths))
        network.leave()
        guest.expect_phase("offline")
        network.come_back()
        network.rate = None
        guest.page.reload()
        guest.expect_phase("attention")
        assert network.sent < 0.9 * weight(paths), "it was in the middle"
        guest.pick(paths)
        guest.expect_phase("done")
        assert network.sent < TWICE * weight(paths)
    arrived(immich, paths)


def test_the_same_file_again_is_not_sent(guest: Guest, tmp_path: Path) -> None:
    paths = photos(tmp_path, 200_000, 300_000, 2_000_000)
    guest.pick(paths)
    guest.expect_phase("done")
    again = guest.page.locator("#notice", has_text="3 items are in your list already.")
    for renew in (guest.page.bring_to_front, guest.page.reload):
        renew()
        guest.expect_phase("done")
        before = guest.network.sent
        guest.pick(paths)
        expect(again).to_be_visible()
        expect(guest.page.locator("#list li")).to_have_count(3)
        assert guest.network.sent - before < 20_000


def test_two_tabs_do_not_meet(
    context: BrowserContext, network: Hostile, immich: Immich, tmp_path: Path
) -> None:
    shared, *own = photos(tmp_path, 600_000, 300_001, 300_002)
    with ExitStack() as stack:
        tabs = [stack.enter_context(tab(context, network)) for _ in own]
        network.rate = 2_000_000
        for guest, path in zip(tabs, own, strict=True):
            guest.pick([shared, path])
        for guest, path in zip(tabs, own, strict=True):
            guest.expect_phase("done")
            guest.page.bring_to_front()
            expect(guest.page.locator("#list li")).to_have_count(2)
            for each in (shared, path):
                expect(guest.row(each)).to_have_count(1)
    arrived(immich, [shared, *own])


def test_plain_http_in_the_lan(
    context: BrowserContext, network: Hostile, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 400_000, 400_001)
    with tab(context, network, host=LAN) as guest:
        there = "[isSecureContext, typeof crypto.subtle, typeof navigator.wakeLock]"
        assert guest.page.evaluate(there) == [False, "undefined", "undefined"]
        guest.pick(paths)
        guest.expect_phase("done")
        before = network.sent
        guest.pick(paths)
        expect(guest.page.locator("#notice")).to_have_text("2 items are in your list already.")
        assert network.sent - before < 20_000
    arrived(immich, paths)


def test_a_page_that_sleeps_through_a_cut(
    guest: Guest, browser: Browser, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 3_000_000, 3_000_000)
    guest.network.rate = 1_000_000
    guest.pick(paths)
    guest.wait_sent(600_000)
    with asleep(browser):
        guest.network.cut()
        until(guest.network.quiet, "every connection to be gone, and nobody to make a new one")
        guest.network.rate = None
    guest.expect_phase("done")
    # Nobody was there to stop Chromium, which repeats by itself, and once, what it had begun on a
    # connection that served before.
    assert guest.network.sent < (1 + TWICE) * weight(paths)
    arrived(immich, paths)


def test_without_websockets_it_asks(
    context: BrowserContext, network: Hostile, immich: Immich, tmp_path: Path
) -> None:
    def block(socket: WebSocketRoute) -> None:
        socket.close()

    paths = photos(tmp_path, 100_000)
    context.add_init_script(CURIOUS + WAITS.format(factor=0.1))
    context.route_web_socket(re.compile(r"/ws$"), block)
    with tab(context, network) as guest:
        guest.pick(paths)
        guest.expect_phase("done")
    arrived(immich, paths)


def test_pause_and_go_on(guest: Guest, immich: Immich, tmp_path: Path) -> None:
    paths = photos(tmp_path, 3_000_000, 3_000_000, 3_000_000)
    guest.network.rate = 1_000_000
    guest.pick(paths)
    guest.wait_sent(0.2 * weight(paths))
    guest.press("pause")
    guest.network.leave()  # with what the system had taken over already
    guest.expect_phase("paused")
    expect(guest.page.locator("li[data-state=paused]")).to_have_count(3)
    guest.network.rate = None
    guest.network.come_back()
    guest.press("resume")
    guest.expect_phase("done")
    assert guest.network.sent < TWICE * weight(paths)
    arrived(immich, paths)


def test_cancelled_files_are_forgotten_there_too(
    guest: Guest, product: Product, tmp_path: Path
) -> None:
    before = set(product.spool)
    paths = photos(tmp_path, 1_000_000, 1_000_001, 1_000_002)
    guest.network.rate = 100_000
    guest.pick(paths)
    until(lambda: len(set(product.spool) - before) == 3, "three uploads to be under way")
    guest.row(paths[0]).locator("[data-act=remove]").click()
    expect(guest.page.locator("#list li")).to_have_count(2)
    guest.press("stop")
    guest.press("cancelAll")
    guest.expect_phase("empty")
    until(lambda: set(product.spool) <= before, "the server to forget them")


def test_a_file_cancelled_without_a_network_is_forgotten_later(
    guest: Guest, product: Product, tmp_path: Path
) -> None:
    before = set(product.spool)
    guest.network.rate = 100_000
    (path,) = photos(tmp_path, 1_000_000)
    guest.pick([path])
    until(lambda: len(set(product.spool) - before) == 1, "an upload to be under way")
    with guest.page.expect_event("requestfailed"):
        guest.network.leave()
    with guest.page.expect_event("requestfailed", lambda one: one.method in ("POST", "DELETE")):
        guest.row(path).locator("[data-act=remove]").click()
        guest.expect_phase("empty")
    guest.network.come_back()
    until(lambda: set(product.spool) <= before, "the server to forget it")


def test_what_immich_refused_can_be_tried_again(
    guest: Guest, immich: Immich, tmp_path: Path
) -> None:
    paths = photos(tmp_path, 50_000)
    with immich.fault("status", times=None, status=400, message="no"):
        guest.pick(paths)
        expect(guest.row(paths[0])).to_contain_text("Immich does not accept this file.")
    before = guest.network.sent
    guest.row(paths[0]).locator("[data-act=retry]").click()
    guest.expect_phase("done")
    assert guest.network.sent - before < weight(paths) / 10
    arrived(immich, paths)


def test_a_page_that_found_no_server_waits_until_there_is_one(
    context: BrowserContext, network: Hostile
) -> None:
    """Loaded anew too early, it would give way to a page of the browser's or of a proxy's."""
    page = context.new_page()
    page.clock.install()
    page.route("**/api/config", lambda route: route.abort())
    page.goto(f"http://127.0.0.1:{network.address[1]}")
    guest = Guest(page=page, network=network)
    guest.expect_phase("problem")
    network.leave()
    page.unroute("**/api/config")
    for _ in range(2):
        with page.expect_event("requestfailed", lambda one: one.url.endswith("/api/config")):
            page.clock.fast_forward(10_000)
        guest.expect_phase("problem")
    network.come_back()
    page.clock.fast_forward(10_000)
    guest.expect_phase("empty")
