"""A guest's browser on its own network, with the page as served and its real upload engine."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from harness.hostile import Hostile
from harness.immich import Asset, Immich, Link
from harness.wait import until

PATIENCE_MS = 20_000
TAKEN = datetime.fromtimestamp(1_600_000_000, UTC)
EXPECTED = re.compile(r"Failed to load resource|WebSocket connection")
"""What a browser itself logs about a bad network, and about plain HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """One tab, and the network it is on."""

    page: Page
    network: Hostile

    def pick(self, paths: Sequence[Path]) -> None:
        """Press the button for photos and choose these files."""
        with self.page.expect_file_chooser() as chooser:
            self.page.locator("[data-pick=media]:visible").first.click()
        chooser.value.set_files([str(path) for path in paths])

    def expect_phase(self, *names: str) -> None:
        """Wait until the page is in one of these phases."""
        phases = re.compile("|".join(names))
        expect(self.page.locator("body")).to_have_attribute(
            "data-phase", phases, timeout=PATIENCE_MS
        )

    def row(self, path: Path) -> Locator:
        return self.page.locator("li", has=self.page.locator(".name", has_text=path.name))

    def press(self, what: str) -> None:
        """Press the visible button with this action."""
        self.page.locator(f"[data-do={what}]:visible").click()

    def wait_sent(self, amount: float) -> None:
        """Wait until `amount` bytes were sent over this network."""
        until(lambda: self.network.sent > amount, f"{amount:.0f} bytes to be sent")


@contextmanager
def tab(
    context: BrowserContext, network: Hostile, *, host: str = "127.0.0.1", path: str = "/"
) -> Iterator[Guest]:
    """Open the page in a new tab; at the end, check that no errors were logged in it."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    mishaps: list[str] = []
    page.on("pageerror", lambda error: mishaps.append(str(error)))
    page.on("console", lambda message: mishaps.extend(_complaint(message)))
    page.goto(f"http://{host}:{network.address[1]}{path}")
    guest = Guest(page=page, network=network)
    guest.expect_phase("empty")
    yield guest
    assert mishaps == [], mishaps


def by_key(link: Link) -> str:
    """Return the path of a link's drop."""
    return f"/share/{link.key}/"


def expect_door(page: Page, title: str) -> None:
    """Wait until the page says that this guest is not let in, and why."""
    expect(page.locator("#title")).to_have_text(title, timeout=PATIENCE_MS)


def enter(page: Page, password: str) -> None:
    """Try a password at the door."""
    page.fill("#password", password)
    page.press("#password", "Enter")


def _complaint(message: ConsoleMessage) -> list[str]:
    bad = message.type == "error" and not EXPECTED.search(message.text)
    return [message.text] if bad else []


def photos(folder: Path, *sizes: int) -> list[Path]:
    """Create one file of each size; no two have the same bytes."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{folder.name}-{number}.jpg" for number in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        write(path, hashlib.shake_128(str(path).encode()).digest(size))
    return paths


def write(path: Path, data: bytes) -> None:
    """Write a photo taken at `TAKEN`."""
    path.write_bytes(data)
    os.utime(path, (TAKEN.timestamp(), TAKEN.timestamp()))


def arrived(immich: Immich, paths: Sequence[Path]) -> list[Asset]:
    """Check that each file is in Immich once, under its name, byte for byte."""
    assets = [immich.wait_for(path.read_bytes()) for path in paths]
    for asset, path in zip(assets, paths, strict=True):
        assert (asset.name, asset.created_at) == (path.name, TAKEN)
    return assets


def weight(paths: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
"""Context options that make the page think it runs on a phone: small chunks, read into memory."""
