"""The page in a browser, showing a given scene: a fake engine keeps it in one state."""

import base64
import io
import json
import math
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules/axe-core/axe.min.js"
MAIN = ROOT / "web/js/main.js"
ENGINE = (ROOT / "tests/web/fake-engine.js").read_text().replace("../../web/js/", "./")

WITHOUT_SERVER = ("unreachable", "closed")
DOORS = {
    "locked": "password_required",
    "unknown": "link_unknown",
    "expired": "link_expired",
    "looking": "link_no_upload",
    "away": "immich_unavailable",
}
"""The scenes without an upload page, by the server's answer about the link."""
NOWHERE = "/share/nowhere/"
SCENES = (
    "empty",
    "named",
    "held",
    "uploading",
    "offline",
    "paused",
    "delivering",
    "done",
    "few",
    "attention",
    "interrupted",
    *WITHOUT_SERVER,
    *DOORS,
)
PALETTES = (
    ("#ffd6aa", "#f0785a", "#463c6e"),
    ("#bee1f0", "#faf0dc", "#3c786e"),
    ("#fae6d2", "#e696a0", "#78466e"),
    ("#28325a", "#c86e78", "#ffc88c"),
    ("#dcf0dc", "#a0d2b4", "#285a50"),
    ("#fff5e1", "#ffc878", "#965028"),
)
"""Sky, horizon and foreground of the photographs shown in pictures of the page."""


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Run a browser; `stage` prepares its contexts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", *arguments]
        )
        yield browser
        browser.close()


def stage(context: BrowserContext, *, pictures: int = 0) -> None:
    """Let the pages of a context show scenes; `pictures` is how many photographs there are."""
    # The served main.js is a bundle with the real engine; the source file imports each module.
    context.route("**/js/main.js", lambda route: route.fulfill(path=MAIN))
    context.route("**/js/engine.js", lambda route: _engine(route))
    if pictures:
        files = [base64.b64encode(photograph(seed)).decode() for seed in range(pictures)]
        context.add_init_script(
            f"globalThis.pictures = {json.dumps(files)}.map((text, index) =>"
            " new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))],"
            " `${index}.jpg`, { type: 'image/jpeg' }));"
        )


def play(context: BrowserContext, url: str, scene: str, *, lang: str = "en") -> Page:
    """Open the page in a scene and wait until it is shown."""
    page = context.new_page()
    page.on(
        "filechooser", lambda _: None
    )  # from here on no real file picker opens, however soon a key is pressed
    if scene == "unreachable":
        page.route("**/api/config", lambda route: route.abort())
    if scene == "closed":
        page.route("**/api/config", lambda route: route.fulfill(status=503, body="{}"))
    if code := DOORS.get(scene):
        page.route("**/api/config", lambda route: route.fulfill(status=403, json={"code": code}))
    path = NOWHERE if code else "/"
    page.goto(f"{url}{path}?state={scene}&lang={lang}")
    page.wait_for_selector("body:not([data-phase=loading])")
    return page


def violations(page: Page) -> list[str]:
    """Return the violations of WCAG 2.2 AA and of its own best practices that axe finds."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [
        f"{rule['id']}: {node['html']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def _engine(route: Route) -> None:
    route.fulfill(body=ENGINE, content_type="text/javascript")


def photograph(seed: int) -> bytes:
    """Draw hills under a low sun, as a JPEG."""
    width, height = 960, 720
    chance = random.Random(seed)
    sky, horizon, ground = PALETTES[seed % len(PALETTES)]
    ramp = Image.linear_gradient("L").resize((width, height))
    image = Image.composite(*(Image.new("RGB", ramp.size, tone) for tone in (horizon, sky)), ramp)
    draw = ImageDraw.Draw(image)
    x, y = chance.randint(200, width - 200), chance.randint(120, height // 2)
    draw.ellipse((x - 70, y - 70, x + 70, y + 70), fill="#fff8e6")
    for layer in range(1, 5):
        tone = Image.blend(*(Image.new("RGB", (1, 1), end) for end in (horizon, ground)), layer / 4)
        wave, phase = chance.uniform(0.005, 0.011), chance.uniform(0, 6)
        top = height * (0.4 + 0.12 * layer)
        ridge = [
            (at, top + 45 * math.sin(wave * at + phase) + 18 * math.sin(2.7 * wave * at))
            for at in range(0, width + 16, 16)
        ]
        draw.polygon([(0, height), *ridge, (width, height)], fill=tone.getpixel((0, 0)))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()
