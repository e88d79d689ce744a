"""Take a picture of the page in every state: `python docs/screens.py` writes `docs/screens/`.

The product serves the page as it is; a fake engine holds the states still that are rare or short.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness.immich import Immich
from harness.product import running
from harness.scenes import SCENES, chromium, play, stage
from playwright.sync_api import Browser, Page

OUT = Path(__file__).parent / "screens"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1200, "height": 800}
SETTLED = 1500
"""ms: every animation and every small picture is done by then."""
PICTURES = 12

EXTRA = (
    ("de", "empty"),
    ("de", "uploading"),
    ("de", "attention"),
    ("pl", "done"),
)
"""Other languages, with their long words."""


def main() -> None:
    """Start everything and take every picture."""
    OUT.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Immich(Path(folder)) as immich,
        running(Path(folder), **immich.settings) as product,
        chromium() as browser,
    ):
        for scheme in ("light", "dark"):
            for scene in SCENES:
                take(browser, product.url, scene, "phone", scheme)
        for scene in ("empty", "uploading", "done"):
            take(browser, product.url, scene, "desktop", "light")
        for lang, scene in EXTRA:
            take(browser, product.url, scene, "phone", "light", lang)
        take(browser, product.url, "crowd", "phone", "light")
        take(browser, product.url, "uploading", "phone", "light", do=mirror, as_="rtl")
        take(browser, product.url, "empty", "phone", "light", do=choose, as_="preparing")


def mirror(page: Page) -> None:
    """Turn the page round, as for a language that is read from right to left."""
    page.evaluate("document.documentElement.dir = 'rtl'")


def choose(page: Page) -> None:
    """Tap, and let the phone take its time."""
    page.locator("[data-pick=media]").first.click()


def take(
    browser: Browser,
    url: str,
    scene: str,
    device: str,
    scheme: str,
    lang: str = "en",
    *,
    do: Callable[[Page], None] | None = None,
    as_: str = "",
) -> None:
    """Write one picture, named by what it shows."""
    phone = device == "phone"
    context = browser.new_context(
        viewport=PHONE if phone else DESKTOP,
        device_scale_factor=1.5 if phone else 1,
        is_mobile=phone,
        has_touch=phone,
        color_scheme=scheme,
    )
    stage(context, pictures=PICTURES)
    page = play(context, url, scene, lang=lang)
    if do is not None:
        do(page)
    page.wait_for_timeout(SETTLED)
    language = "" if lang == "en" else f"-{lang}"
    keep(page, OUT / f"{as_ or scene}-{device}-{scheme}{language}.webp")
    context.close()


def keep(page: Page, path: Path) -> None:
    """Save what is in view, small enough for a repository."""
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.save(path, quality=80, method=6)


if __name__ == "__main__":
    main()
