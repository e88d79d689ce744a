"""Two products behind nginx, as `deploy/nginx-two.conf` has it (but for TLS): they share nothing.

Where a guest is, a cookie says; where an upload is, its URL. Immich tells their duplicates.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Self

import pytest
from harness import proxy
from harness.immich import Immich
from harness.product import Product, running
from harness.tus import VERSION, Tus, patch_headers
from harness.wait import PATIENCE, until
from harness.websocket import WebSocket
from harness.wire import Address, Connection, Hangup, Response, request
from playwright.sync_api import Page, Route, expect, sync_playwright
from tusclient.client import TusClient

pytestmark = pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")

SIZE = 100_000
FIRST_CHUNK = 4 << 20
"""Bytes a phone sends along with the creation."""
COOKIE = re.compile(r"drop=([ab]); Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax")
Site = Mapping[str, Product]


@pytest.fixture(scope="module")
def site(immich: Immich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run both products."""
    folder = tmp_path_factory.mktemp("site")
    settings = {"TRUSTED_PROXIES": proxy.PROXY, **immich.settings}
    with running(folder / "a", **settings) as a, running(folder / "b", **settings) as b:
        yield {"a": a, "b": b}


@pytest.fixture(scope="module")
def door(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """Run nginx; guests come to its address."""
    folder = tmp_path_factory.mktemp("nginx")
    port = proxy.free_port()
    listen = f"listen {proxy.PROXY}:{port};"
    config = proxy.change(
        (proxy.DEPLOY / "nginx-two.conf").read_text(),
        ("8081", str(site["a"].address[1])),
        ("8082", str(site["b"].address[1])),
        ("listen 80;", f"listen unix:{folder / 'http.socket'};"),
        ("listen 443 ssl http2;", listen),
        ("    ssl_certificate /etc/ssl/drop.example/fullchain.pem;\n", ""),
        ("    ssl_certificate_key /etc/ssl/drop.example/privkey.pem;\n", ""),
    )
    with proxy.serving(proxy.nginx(folder, config), folder, port):
        yield proxy.PROXY, port


class Guest(Tus):
    """A browser with its cookie, and its session."""

    def __init__(self, door: Address, session: str) -> None:
        super().__init__(door)
        self.session = session
        self.home = ""
        self.open()

    @classmethod
    def at(cls, home: str, door: Address, session: str) -> Self:
        """Return a guest who was sent to this instance."""
        return until(
            lambda: guest if (guest := cls(door, session)).home == home else None,
            f"a guest to be sent to {home}",
        )

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"drop={self.home}"} if self.home else {}

    def open(self) -> None:
        """Load the page."""
        answer = self.ask("GET", "/")
        assert answer.status == 200, answer
        assert b"<script" in answer.body
        cookie = COOKIE.fullmatch(answer["Set-Cookie"])
        assert cookie, answer
        self.home = cookie[1]

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] = VERSION, body: bytes = b""
    ) -> Response:
        return super().ask(method, target, {**headers, **self.cookie}, body)

    def bring(self, data: bytes) -> str:
        """Upload as the page does, in two requests, and return the path of the upload URL."""
        url = self.begin(data)
        assert self.patch(url, 0, data[: SIZE // 2]).status == 204
        assert self.patch(url, SIZE // 2, data[SIZE // 2 :]).status == 204
        return url

    def begin(self, data: bytes) -> str:
        """Create an upload; of its URL, the page takes the id only."""
        url = self.create(len(data), session=self.session, item=hashlib.sha1(data).hexdigest())
        return f"/files/{url.rpartition('/')[2]}"

    def states(self) -> list[str]:
        answer = self.ask("GET", "/api/uploads", {"Drop-Session": self.session})
        return [upload["state"] for upload in answer.json()["uploads"]]


def photo(seed: str) -> bytes:
    """Return bytes like no others."""
    return hashlib.shake_128(seed.encode()).digest(SIZE)


def test_each_guest_stays_at_one(site: Site, door: Address, immich: Immich, session: str) -> None:
    guests = [Guest.at(home, door, f"{session}-{home}{n}") for home in "ab" for n in range(3)]
    files = [[photo(f"{guest.session} {n}") for n in range(3)] for guest in guests]
    for guest, brought in zip(guests, files, strict=True):
        with WebSocket(door, headers=guest.cookie) as events:
            events.say({"session": guest.session})
            assert events.hear() == {"type": "snapshot", "uploads": []}
            urls = [guest.bring(data) for data in brought]
            heard = events.hear_until(lambda event: event["upload"]["state"] == "stored")
            assert f"/files/{heard[-1]['upload']['id']}" in urls
        other = site["b" if guest.home == "a" else "a"]
        for url in urls:
            assert site[guest.home].tus.head(url).status == 200
            assert other.tus.head(url).status == 404
        assert len(guest.states()) == 3
    for brought in files:
        for data in brought:
            immich.wait_for(data)


def test_a_guest_without_cookies_stays_where_the_address_is(
    site: Site, door: Address, session: str
) -> None:
    guest = Guest(door, session)
    guest.home = ""
    urls = [guest.begin(photo(f"{session} {n}")) for n in range(10)]
    assert {guest.offset(url) for url in urls} == {0}
    homes = {home for url in urls for home in site if site[home].tus.head(url).status == 200}
    assert len(homes) == 1


def test_an_upload_url_leads_to_its_own_from_anywhere(
    site: Site, door: Address, immich: Immich, session: str
) -> None:
    data = photo(session)
    for home, elsewhere in ("ab", "ba"):
        url = Guest.at(home, door, session).create(SIZE)
        assert re.fullmatch(f"/{home}/files/[^/]+", url)
        stranger = Guest.at(elsewhere, door, session)
        assert stranger.patch(url, 0, data[:9]).status == 204
        assert stranger.offset(url) == 9
        assert stranger.delete(url).status == 204
    uploader = TusClient(f"http://{door[0]}:{door[1]}/files/").uploader(
        file_stream=BytesIO(data), chunk_size=SIZE // 3, metadata={"filename": "from tuspy.jpg"}
    )
    uploader.upload()
    assert immich.wait_for(data).name == "from tuspy.jpg"


def test_one_photo_through_both_is_one_asset(door: Address, immich: Immich, session: str) -> None:
    data = photo(session)
    guests = [Guest.at(home, door, f"{session}-{home}") for home in "ab"]
    with ThreadPoolExecutor() as pool, immich.fault("slow_answer", seconds=0.3):
        list(pool.map(lambda guest: guest.bring(data), guests))
        settled = ["duplicate", "stored"]
        until(
            lambda: sorted(guests[0].states() + guests[1].states()) == settled,
            "one to be stored, and the other a duplicate",
        )
    immich.wait_for(data)


def test_one_dies_and_comes_back(site: Site, door: Address, immich: Immich, session: str) -> None:
    """Its guests wait and go on at their byte; all others notice nothing."""
    waiting, leaving = (Guest.at("a", door, f"{session}-{n}") for n in "wl")
    lucky = Guest.at("b", door, f"{session}-b")
    half, late, fine = (photo(f"{session} {what}") for what in ("half", "late", "fine"))
    url, left = waiting.begin(half), leaving.begin(late)
    assert leaving.patch(left, 0, late[:1000]).status == 204
    with waiting.connect() as connection:
        headers = patch_headers(0, **{"Content-Length": str(SIZE)}, **waiting.cookie)
        connection.send(request("PATCH", url, headers, half[: SIZE // 2]))
        until(lambda: in_spool(site["a"], url) == SIZE // 2, "half of it to be on disk")
        site["a"].kill()
        assert refused(connection)
    assert waiting.head(url).status == 502
    assert waiting.post(SIZE).status == 502
    lucky.bring(fine)
    immich.wait_for(fine)
    assert {Guest(door, session).home for _ in range(8)} == {"b"}
    assert Tus(door).create(SIZE).startswith("/b/files/")
    leaving.open()
    assert leaving.home == "b"
    assert leaving.head(left).status == 404
    leaving.bring(late)
    asset = immich.wait_for(late)
    site["a"].start()
    assert waiting.offset(url) == SIZE // 2
    assert waiting.patch(url, SIZE // 2, half[SIZE // 2 :]).status == 204
    immich.wait_for(half)
    # Who finds the way back to what was left behind makes no twin of it.
    assert site["a"].tus.patch(left, 1000, late[1000:]).status == 204
    until(lambda: not site["a"].spool, "all to be settled")
    assert immich.wait_for(late) == asset


def in_spool(product: Product, url: str) -> int:
    """Return how many bytes of an upload are on disk."""
    name = url.rpartition("/")[2]
    return sum(file.stat().st_size for file in product.spool if name in file.name)


def refused(connection: Connection) -> bool:
    """Tell whether the answer is that there is none, or none at all."""
    try:
        return connection.response(to="PATCH").status == 502
    except Hangup:
        return True


@pytest.fixture
def page(door: Address) -> Iterator[Page]:
    """Open a browser on a phone."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(**playwright.devices["Pixel 7"])
        page.goto(f"http://{door[0]}:{door[1]}/")
        yield page
        browser.close()


def test_a_page_waits_for_its_own(
    page: Page, site: Site, immich: Immich, tmp_path: Path, session: str
) -> None:
    """The second request of a photo meets nobody; what the first one brought is not sent again."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo(session) * 60)
    [cookie] = page.context.cookies()
    home = site[cookie["value"]]
    offsets: list[int] = []

    def die(route: Route) -> None:
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
            if len(offsets) == 1:
                home.kill()
        route.continue_()

    page.route(re.compile("/files/[^/]+$"), die)
    page.locator("#media").set_input_files(path)
    body = page.locator("body")
    expect(body).to_have_attribute("data-phase", "offline", timeout=PATIENCE * 1000)
    home.start()
    expect(body).to_have_attribute("data-phase", "done", timeout=PATIENCE * 1000)
    immich.wait_for(path.read_bytes())
    assert offsets[:2] == [FIRST_CHUNK] * 2  # after the cut in smaller pieces
