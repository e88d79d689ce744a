"""The page with a whole wedding in it: two thousand files, and half a gigabyte."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from harness.guest import PHONE, Guest, photos, tab
from harness.hostile import Hostile
from playwright.sync_api import Browser, expect

MANY = 2000
FROZEN = 500
"""Milliseconds without an answer; on a machine with nothing else to do it is a tenth of that."""
FLAT = 20 * 2**20
MUCH = 2**29

# What keeps the page from answering, from the pick on. Long tasks are those above 50 ms:
# https://www.w3.org/TR/longtasks-1/
WATCH = """
globalThis.tasks = [];
addEventListener("change", () => { globalThis.picked = performance.now(); }, true);
document.querySelector("#media").addEventListener("change", () => {
  tasks.push(performance.now() - picked);
});
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) {
    if (startTime > picked) tasks.push(duration);
  }
}).observe({ type: "longtask" });
"""


@pytest.fixture(scope="module", name="party")
def fixture_party(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """Make very many very small photos."""
    return photos(tmp_path_factory.mktemp("party"), *range(1, MANY + 1))


def test_two_thousand_files_do_not_freeze_the_page(
    browser: Browser, network: Hostile, party: Sequence[Path]
) -> None:
    context = browser.new_context(**PHONE)
    with tab(context, network) as guest:
        guest.page.evaluate(WATCH)
        guest.pick(party)
        expect(guest.page.locator("#list li")).to_have_count(MANY, timeout=30_000)
        expect(guest.page.locator("[data-group=arrived] li")).not_to_have_count(0)
        expect(guest.page.locator("#headline")).to_contain_text(f"of {MANY:,} arrived")
        tasks = guest.page.evaluate("tasks")
        print(f"busy for {[round(each) for each in tasks]} ms")
        assert 0 < max(tasks) < FROZEN
        guest.press("stop")
        guest.press("cancelAll")
        guest.expect_phase("delivering", "done")
    context.close()


def memory(guest: Guest) -> float:
    """Return the bytes the page's scripts hold, buffers included, after a collection."""
    session = guest.page.context.new_cdp_session(guest.page)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"] + usage["backingStorageSize"])


@pytest.mark.parametrize(
    ("device", "total"), [({}, MUCH), (PHONE, MUCH // 4)], ids=["desktop", "phone"]
)
def test_half_a_gigabyte_leaves_no_trace_in_memory(
    browser: Browser, network: Hostile, tmp_path: Path, device: dict[str, Any], total: int
) -> None:
    paths = [tmp_path / f"{total}-{number}.mov" for number in range(4)]
    for number, path in enumerate(paths):
        path.touch()
        os.truncate(path, total // 4 + number)
    context = browser.new_context(**device)
    with tab(context, network) as guest:
        before = memory(guest)
        guest.pick(paths)
        expect(guest.page.locator("#thanks")).to_be_visible(timeout=60_000)
        more = memory(guest) - before
        print(f"{more / 2**20:.1f} MiB more")
        assert more < FLAT
    context.close()
