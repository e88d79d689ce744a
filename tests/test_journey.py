"""A guest with a browser and a bad network; the photos arrive byte for byte, and once."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.guest import Guest, arrived, tab, weight, write
from harness.hostile import Hostile
from harness.immich import Immich
from harness.product import Product
from harness.wait import until
from playwright.sync_api import Browser, expect

DROP = """async files => {
  const transfer = new DataTransfer();
  for (const { name, type, content } of files) {
    const bytes = Uint8Array.from(atob(content), character => character.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type, lastModified: 1_600_000_000_000 }));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer });
    document.body.dispatchEvent(event);
  }
}"""

FORGET = """async () => {
  localStorage.clear();
  const all = await indexedDB.databases();
  for (const { name } of all) indexedDB.deleteDatabase(name);
}"""


OLD_IPHONE = """
  delete AbortSignal.timeout;
  delete Object.hasOwn;
  delete globalThis.requestIdleCallback;
  delete globalThis.createImageBitmap;
  delete Navigator.prototype.wakeLock;
"""
"""What Safari 15 lacks, with which the iPhones of 2015 and 2016 end."""


@pytest.fixture(name="guest")
def fixture_guest(browser: Browser, network: Hostile) -> Iterator[Guest]:
    context = browser.new_context(locale="en-GB")
    with tab(context, network) as guest:
        yield guest
    context.close()


def photos(tmp_path: Path, session: str, *, size: int) -> list[Path]:
    """Make three files like no others."""
    paths = [tmp_path / name for name in ("Strand.jpg", "Grüße 🎉.png", "Tanz <b>.mp4")]
    for path in paths:
        seed = f"{session}{path.name}".encode()
        write(path, hashlib.shake_128(seed).digest(size))
    return paths


def drop(guest: Guest, paths: list[Path]) -> None:
    kinds = {".jpg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4"}
    files = [
        {
            "name": path.name,
            "type": kinds[path.suffix],
            "content": base64.b64encode(path.read_bytes()).decode(),
        }
        for path in paths
    ]
    guest.page.evaluate(DROP, files)


def pick(guest: Guest, paths: list[Path]) -> None:
    """Choose the files in the picker of the system."""
    guest.page.locator("#media").set_input_files([str(path) for path in paths])


def test_open_drop_done(guest: Guest, immich: Immich, tmp_path: Path, session: str) -> None:
    paths = photos(tmp_path, session, size=50_000)
    drop(guest, paths)
    guest.expect_phase("done")
    arrived(immich, paths)
    rows = guest.page.locator("li[data-state=stored] .name")
    assert sorted(rows.all_inner_texts()) == sorted(path.name for path in paths)


def test_an_old_phone(
    browser: Browser, network: Hostile, immich: Immich, tmp_path: Path, session: str
) -> None:
    context = browser.new_context(locale="en-GB")
    context.add_init_script(OLD_IPHONE)
    paths = photos(tmp_path, session, size=50_000)
    with tab(context, network) as guest:
        pick(guest, paths)
        guest.expect_phase("done")
    context.close()
    arrived(immich, paths)


def test_a_cut_and_a_reload_cost_nothing(
    guest: Guest, network: Hostile, immich: Immich, tmp_path: Path, session: str
) -> None:
    paths = photos(tmp_path, session, size=1_500_000)
    total = weight(paths)
    network.rate = 500_000
    drop(guest, paths)
    until(lambda: network.sent > 0.3 * total, "the upload to be under way")
    network.leave()
    guest.expect_phase("offline")
    network.come_back()
    guest.expect_phase("uploading")
    until(lambda: network.sent > 0.7 * total, "the upload to go on")
    guest.page.reload()
    guest.expect_phase("attention")
    expect(guest.page.locator("li[data-state=interrupted]").first).to_be_visible()
    network.rate = None
    pick(guest, paths)
    guest.expect_phase("done")
    arrived(immich, paths)
    # From scratch it would be 1.7. What the browser's kernel still holds at the reload is sent,
    # too, and dropped when the new page takes over.
    assert network.sent < 1.4 * total


def test_the_server_restarts_in_the_middle(
    guest: Guest, network: Hostile, product: Product, immich: Immich, tmp_path: Path, session: str
) -> None:
    paths = photos(tmp_path, session, size=1_000_000)
    network.rate = 400_000
    drop(guest, paths)
    until(lambda: network.sent > 500_000, "the upload to be under way")
    product.crash()
    network.rate = None
    guest.expect_phase("done")
    arrived(immich, paths)


def test_the_same_photos_again_cost_a_hash(
    guest: Guest, network: Hostile, immich: Immich, tmp_path: Path, session: str
) -> None:
    paths = photos(tmp_path, session, size=8_000_000)
    pick(guest, paths)
    guest.expect_phase("done")
    guest.page.evaluate(FORGET)
    guest.page.reload()
    guest.expect_phase("empty")
    network.rate = 2_000_000
    before = network.sent
    pick(guest, paths)
    guest.expect_phase("done")
    assert network.sent - before < 12_000_000, "of 24 MB"
    arrived(immich, paths)


def test_immich_is_away_and_the_guest_may_leave(
    guest: Guest, immich: Immich, tmp_path: Path, session: str
) -> None:
    paths = photos(tmp_path, session, size=20_000)
    with immich.held():
        drop(guest, paths)
        guest.expect_phase("delivering")
        guest.page.close()
    arrived(immich, paths)
