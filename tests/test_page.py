"""The page in a browser: for everyone, in every state, at any size, and from the pick to Immich."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from harness.immich import Immich
from harness.product import Product
from harness.scenes import SCENES, photograph, play, stage, violations
from playwright.sync_api import Browser, BrowserContext, Page, expect

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt-BR")
NARROW = {"width": 320, "height": 640}
"""CSS pixels; WCAG 2.2, 1.4.10 Reflow: also what 400 % zoom leaves of 1280."""
PHONE = {"width": 390, "height": 844}
HALF = {"width": 195, "height": 422}
"""What text twice as large leaves of a phone; WCAG 2.2, 1.4.4 Resize Text."""
LAPTOP = {"width": 1280, "height": 800}
BUDGET = 40_000
"""Bytes on the wire until the page stands."""
TARGET = 44
"""CSS pixels a finger needs."""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Pages that play scenes, on a phone."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    stage(context)
    yield context
    context.close()


@pytest.fixture
def guest(browser: Browser, product: Product) -> Iterator[Page]:
    """The page with its real engine; at the end the console must have stayed empty."""
    context = browser.new_context(viewport=PHONE, locale="en")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(f"{said.text} {said.location['url']}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(product.url)
    yield page
    context.close()
    assert complaints == []


def choose(page: Page, button: str, files: list[dict[str, Any]]) -> None:
    with page.expect_file_chooser() as chooser:
        page.click(button)
    chooser.value.set_files(files)


def photo(name: str, seed: int) -> dict[str, Any]:
    return {"name": name, "mimeType": "image/jpeg", "buffer": photograph(seed)}


@pytest.mark.parametrize("scene", SCENES)
def test_axe_finds_nothing(browser: Browser, product: Product, scene: str) -> None:
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce")
    stage(context)
    page = play(context, product.url, scene)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == [], scheme
    context.close()


@pytest.mark.parametrize("name", ["help", "stop"])
def test_axe_finds_nothing_in_a_dialog(
    context: BrowserContext, product: Product, name: str
) -> None:
    page = play(context, product.url, "uploading")
    page.click(f"[data-do={name}]")
    expect(page.locator(f"dialog#{name}")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator(f"[data-do={name}]")).to_be_focused()


@pytest.mark.parametrize(
    "scene",
    [
        "empty",
        "named",
        "held",
        "uploading",
        "attention",
        "interrupted",
        "done",
        "locked",
        "unknown",
    ],
)
def test_nothing_is_cut_off_at_400_percent(browser: Browser, product: Product, scene: str) -> None:
    context = browser.new_context(viewport=NARROW)
    stage(context)
    page = play(context, product.url, scene)
    for lang in LANGUAGES:
        page.select_option("#language", lang)
        expect(page.locator("html")).to_have_attribute("lang", lang)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], lang
    context.close()


@pytest.mark.parametrize("scene", ["empty", "held", "attention", "done", "locked"])
def test_text_may_be_twice_as_large(browser: Browser, product: Product, scene: str) -> None:
    context = browser.new_context(viewport=HALF)
    stage(context, pictures=5)
    page = play(context, product.url, scene, lang="de")
    expect(page.locator("#memories canvas")).to_have_count(5 if scene == "done" else 0)
    assert page.evaluate("document.documentElement.scrollWidth") <= HALF["width"]
    context.close()


def test_large_text_is_not_broken_into_letters(browser: Browser, product: Product) -> None:
    context = browser.new_context(viewport=HALF)
    stage(context)
    page = play(context, product.url, "uploading", lang="de")
    headline = page.locator("#headline").bounding_box()
    assert headline is not None
    assert headline["width"] > HALF["width"] / 2
    context.close()


@pytest.mark.parametrize("scene", ["empty", "named"])
def test_a_laptop_shows_the_way_to_the_phone(
    browser: Browser, product: Product, scene: str
) -> None:
    context = browser.new_context(viewport=LAPTOP)
    stage(context)
    page = play(context, product.url, scene)
    for lang in LANGUAGES:
        page.select_option("#language", lang)
        expect(page.locator("html")).to_have_attribute("lang", lang)
        expect(page.locator("[data-do=phone]")).to_be_in_viewport(ratio=1)
    context.close()


def test_right_to_left_mirrors_without_overflow(context: BrowserContext, product: Product) -> None:
    page = play(context, product.url, "uploading")
    page.evaluate("document.documentElement.dir = 'rtl'")
    thumb = page.locator("li .thumb").first.bounding_box()
    name = page.locator("li .name").first.bounding_box()
    assert thumb is not None
    assert name is not None
    assert thumb["x"] > name["x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("scene", SCENES)
def test_fingers_find_every_target(context: BrowserContext, product: Product, scene: str) -> None:
    page = play(context, product.url, scene)
    for target in page.locator("button:visible, select:visible, summary:visible").all():
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= TARGET, target.inner_text()


def test_reduced_motion_moves_nothing(browser: Browser, product: Product) -> None:
    context = browser.new_context(reduced_motion="reduce")
    stage(context, pictures=3)
    page = play(context, product.url, "done")
    expect(page.locator("#memories canvas")).to_have_count(5)
    assert page.evaluate("document.getAnimations().length") == 0
    context.close()


def test_the_keyboard_alone_is_enough(context: BrowserContext, product: Product) -> None:
    page = play(context, product.url, "empty")
    page.keyboard.press("Tab")
    expect(page.locator(".start [data-pick=media]")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([photo("one.jpg", 1)])
    expect(page.locator("#headline")).to_be_focused()


def test_removing_a_row_hands_the_keyboard_to_the_next(
    context: BrowserContext, product: Product
) -> None:
    page = play(context, product.url, "attention")
    second = page.locator("[data-group=attention] li").nth(1)
    name = second.locator(".name").inner_text()
    page.locator("[data-group=attention] [data-act=remove]").first.press("Enter")
    expect(page.locator("[data-group=attention] li")).to_have_count(3)
    expect(page.locator("[data-group=attention] li").first).to_contain_text(name)
    expect(page.locator("[data-act]:focus")).to_have_attribute("aria-label", re.compile(name))


def test_the_way_out_of_a_row_is_called_what_it_does(
    context: BrowserContext, product: Product
) -> None:
    page = play(context, product.url, "attention")
    row = page.locator("[data-group=attention] li", has=page.locator("[data-act=retry]")).first
    name = row.locator(".name").inner_text()
    out = page.locator("li", has_text=name).locator("[data-act=remove]")
    expect(out).to_have_attribute("aria-label", f"Remove {name}")
    row.locator("[data-act=retry]").click()
    expect(out).to_have_attribute("aria-label", f"Cancel {name}")
    page.select_option("#language", "de")
    expect(out).to_have_attribute("aria-label", f"{name} abbrechen")


def test_pausing_moves_the_keyboard_along(context: BrowserContext, product: Product) -> None:
    page = play(context, product.url, "uploading")
    page.locator("[data-do=pause]").press("Enter")
    expect(page.locator("[data-do=resume]")).to_be_visible()
    expect(page.locator("#headline")).to_be_focused()


def test_the_two_pickers_ask_for_what_they_should(
    context: BrowserContext, product: Product
) -> None:
    context.add_init_script("delete window.showOpenFilePicker")
    page = play(context, product.url, "empty")
    opened: list[str | None] = []
    page.on("filechooser", lambda chooser: opened.append(chooser.element.get_attribute("accept")))
    for source in ("media", "files"):
        with page.expect_file_chooser() as chooser:
            page.click(f".start [data-pick={source}]")
        assert chooser.value.is_multiple()
        assert chooser.value.element.get_attribute("capture") is None
        page.locator(f"#{source}").dispatch_event("cancel")
    assert opened == ["image/*,video/*", None]


def test_a_tap_while_a_phone_prepares_opens_no_second_picker(
    context: BrowserContext, product: Product
) -> None:
    page = play(context, product.url, "empty")
    opened: list[object] = []
    page.on("filechooser", lambda chooser: opened.append(chooser))
    button = page.locator(".start [data-pick=media]")
    button.tap()
    expect(button).to_have_text("Preparing…", use_inner_text=True)
    button.tap(force=True)
    page.locator("#media").dispatch_event("cancel")
    expect(button).to_have_text("Choose photos & videos", use_inner_text=True)
    assert len(opened) == 1


def test_another_language_changes_every_word(context: BrowserContext, product: Product) -> None:
    page = play(context, product.url, "uploading")
    page.select_option("#language", "de")
    expect(page.locator("#headline")).to_have_text("13 von 22 angekommen")
    expect(page.locator("li .state").first).to_contain_text("Gesendet")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.goto(product.url)
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_two_thousand_rows_come_in_slices_and_are_patched_in_place(
    context: BrowserContext, product: Product
) -> None:
    page = play(context, product.url, "rows2000")
    expect(page.locator("li")).to_have_count(2000, timeout=30_000)
    page.evaluate(
        """() => {
          const seen = (globalThis.seen = { added: 0, texts: new Set() });
          new MutationObserver((changes) => {
            for (const { addedNodes, target } of changes) {
              for (const node of addedNodes) if (node.nodeName === "LI") seen.added += 1;
              const row = target.parentElement?.closest("li") ?? target.closest?.("li");
              if (row) seen.texts.add(row.dataset.id);
            }
          }).observe(document.querySelector("#list"), {
            subtree: true, childList: true, characterData: true,
          });
          const item = uploads.items.get("item-0");
          uploads.change(item, { acked: 2_000_000 });
        }"""
    )
    state = page.locator("li[data-id=item-0] .state")
    expect(state).not_to_have_text("Uploading 50%")
    assert page.evaluate("[seen.added, [...seen.texts]]") == [0, ["item-0"]]


def test_the_page_is_small(guest: Page) -> None:
    expect(guest.locator(".start .big")).to_be_visible()
    loaded = guest.evaluate(
        "performance.getEntries().reduce((sum, each) => sum + (each.encodedBodySize ?? 0), 0)"
    )
    assert BUDGET / 2 < loaded < BUDGET


def test_a_guest_brings_a_photo_and_is_thanked(guest: Page, immich: Immich) -> None:
    expect(guest.locator(".start .big")).to_be_visible()
    photos = [photo("beach.jpg", 11), photo("hills.jpg", 12)]
    choose(guest, ".start .big", photos)
    expect(guest.locator("#thanks")).to_be_visible()
    expect(guest.locator("#arrived")).to_have_text("2 photos arrived safely.")
    expect(guest.locator("#memories canvas")).to_have_count(2)
    for each in photos:
        assert immich.wait_for(each["buffer"]).name == each["name"]


def test_a_name_is_never_html(guest: Page) -> None:
    name = "<img src=x onerror=alert(1)>.jpg"
    choose(guest, ".start .big", [photo(name, 13)])
    expect(guest.locator("li .name")).to_have_text(name)
    assert guest.locator("li .name img").count() == 0


def test_a_file_that_cannot_be_opened_does_not_hold_up_the_others(guest: Page) -> None:
    """Chromium's picker hands out handles; what they name may be gone, or out of reach."""
    guest.evaluate("""async () => {
        const folder = await navigator.storage.getDirectory();
        const handles = [];
        for (const name of ["one.jpg", "gone.jpg", "two.jpg"]) {
            const handle = await folder.getFileHandle(name, { create: true });
            const writing = await handle.createWritable();
            await writing.write(name);
            await writing.close();
            handles.push(handle);
        }
        await folder.removeEntry("gone.jpg");
        window.showOpenFilePicker = async () => handles;
    }""")
    guest.click(".start [data-pick=files]")
    expect(guest.locator("#list .name")).to_have_text(["one.jpg", "two.jpg"])
    expect(guest.locator("body")).to_have_attribute("data-phase", "done", timeout=15_000)


def test_what_is_no_photo_says_so(guest: Page) -> None:
    notes = {"name": "plan.xlsx", "mimeType": "application/zip", "buffer": b"x"}
    choose(guest, ".start .big", [notes, photo("fine.jpg", 14)])
    row = guest.locator("[data-group=attention] li")
    expect(row).to_contain_text("This kind of file is not accepted")
    expect(guest.locator("[data-group=arrived] li")).to_have_count(1)
    expect(guest.locator("#headline")).to_have_text("1 item needs you")


def test_below_a_path_everything_is_found(browser: Browser, immich: Immich, tmp_path: Path) -> None:
    product = Product(tmp_path, **immich.settings, BASE_PATH="/drop")
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{product.url}/drop")
    expect(page.locator(".start .big")).to_be_visible()
    # Else a proxy which has this path alone for us would look for the rest elsewhere.
    assert page.url == f"{product.url}/drop/"
    context.close()
    product.kill()
