"""The examples in `deploy/`, run as they are but for addresses and paths, in front of the product.

Both proxies end TLS, and serve the drop at the root of a host, under a path which they leave on,
or under one which they take off. A guest comes with a browser, or with bytes of his own.
"""

import http.client
import json
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness import proxy
from harness.immich import Immich
from harness.product import Product, running
from harness.proxy import DEPLOY, PROXY, change, free_port
from harness.scenes import chromium
from harness.tus import VERSION, metadata, patch_headers
from harness.wait import PATIENCE, until
from playwright.sync_api import Browser, WebSocket, expect

GUEST, OTHER_GUEST = "127.0.0.2", "127.0.0.3"
HOST = "drop.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The product as its guests reach it."""

    product: Product
    port: int
    certificate: Path
    path: str

    @property
    def origin(self) -> str:
        return f"https://{HOST}:{self.port}"

    def connect(self, guest: str = GUEST) -> http.client.HTTPSConnection:
        """Connect as `guest`; the certificate is checked."""
        trust = ssl.create_default_context(cafile=self.certificate)
        connection = http.client.HTTPSConnection(HOST, self.port, timeout=10, context=trust)
        raw = socket.create_connection((PROXY, self.port), 10, source_address=(guest, 0))
        connection.sock = trust.wrap_socket(raw, server_hostname=HOST)
        return connection

    def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] = VERSION,
        body: bytes = b"",
        *,
        guest: str = GUEST,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        with closing(self.connect(guest)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer, answer.read()

    def create(
        self, length: int, *, guest: str = GUEST, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        wanted = {"Upload-Length": str(length), "Upload-Metadata": metadata(filename="a.jpg")}
        return self.ask("POST", f"{self.path}/files/", VERSION | wanted | headers, guest=guest)

    def offset(self, url: str) -> int:
        answer, _ = self.ask("HEAD", url)
        assert answer.status == 200
        return int(answer.headers["Upload-Offset"])


def nginx(folder: Path, upstream: str, port: int, path: str, *, strips: bool) -> list[str]:
    """Put addresses and paths into our example, and return the command that runs it."""
    site = change(
        (DEPLOY / "nginx.conf").read_text(),
        ("server 127.0.0.1:8080;", f"server {upstream};"),
        ("listen 443 ssl http2;", f"listen {PROXY}:{port} ssl http2;"),
        ("listen 80;", f"listen unix:{folder / 'http.socket'};"),
        ("/etc/ssl/drop.example/fullchain.pem", str(folder.parent / "certificate.pem")),
        ("/etc/ssl/drop.example/privkey.pem", str(folder.parent / "key.pem")),
        ("location / {", f"location {path}/ {{"),
        ("proxy_pass http://drop;", f"proxy_pass http://drop{'/' if strips else ''};"),
    )
    return proxy.nginx(folder, site)


def caddy(folder: Path, upstream: str, port: int, path: str, *, strips: bool) -> list[str]:
    """Write a configuration around our example, and return the command that runs it."""
    handling = f"reverse_proxy {upstream}"
    if strips:
        handling = f"handle_path {path}/* {{\n{handling}\n}}"
    elif path:
        handling = f"redir {path} {path}/\nreverse_proxy {path}/* {upstream}"
    keys = f"{folder.parent / 'certificate.pem'} {folder.parent / 'key.pem'}"
    site = change(
        (DEPLOY / "Caddyfile").read_text(),
        ("drop.example {", f"https://{HOST}:{port} {{\nbind {PROXY}\ntls {keys}"),
        ("\treverse_proxy 127.0.0.1:8080", handling),
    )
    (folder / "Caddyfile").write_text(f"{{\nadmin off\nauto_https off\n}}\n{site}")
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def certify(folder: Path) -> None:
    """Make a certificate for HOST."""
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        f" -subj /CN={HOST} -addext subjectAltName=DNS:{HOST}"
        f" -keyout {folder / 'key.pem'} -out {folder / 'certificate.pem'}".split(),
        check=True,
        capture_output=True,
    )


WAYS = [
    pytest.param((server, path, strips), id=f"{server.__name__}-{name}")
    for server in (nginx, caddy)
    for name, path, strips in (
        ("root", "", False),
        ("path", "/drop", False),
        ("stripped-path", "/drop", True),
    )
]


@pytest.fixture(scope="module", params=WAYS)
def site(
    request: pytest.FixtureRequest, immich: Immich, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Run the product behind a proxy."""
    server: Callable[..., list[str]]
    server, path, strips = request.param
    if not shutil.which(server.__name__):
        pytest.skip(f"{server.__name__} is not installed")
    folder = tmp_path_factory.mktemp("site")
    certify(folder)
    (folder / "proxy").mkdir()
    settings = {"TRUSTED_PROXIES": PROXY, "BASE_PATH": path, "LIMIT_OPEN_UPLOADS": "1"}
    with running(folder / "product", **settings, **immich.settings) as product:
        port = free_port()
        upstream = f"{product.address[0]}:{product.address[1]}"
        command = server(folder / "proxy", upstream, port, path, strips=strips)
        with proxy.serving(command, folder, port):
            certificate = folder / "certificate.pem"
            yield Site(product=product, port=port, certificate=certificate, path=path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a browser that finds HOST here."""
    with chromium(f"--host-resolver-rules=MAP {HOST} {PROXY}") as browser:
        yield browser


def test_a_guest_brings_a_photo(
    site: Site, immich: Immich, browser: Browser, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(f"taken behind {site.port}".encode() * 1000)
    page = browser.new_page(ignore_https_errors=True)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    mishaps: list[str] = []
    page.on("console", lambda message: mishaps.append(message.text))
    page.on("pageerror", lambda error: mishaps.append(str(error)))
    events: list[str] = []

    def listen(websocket: WebSocket) -> None:
        websocket.on("framereceived", lambda frame: events.append(str(frame)))

    page.on("websocket", listen)
    page.goto(f"{site.origin}{site.path}/")
    page.locator("#media").set_input_files(photo)
    immich.wait_for(photo.read_bytes())
    body = page.locator("body")
    expect(body).to_have_attribute("data-phase", "done", timeout=PATIENCE * 1000)
    page.close()
    assert {url for url in requests if not url.startswith(f"{site.origin}{site.path}/")} == set()
    assert mishaps == []
    assert any("stored" in event for event in events)


def test_the_page_and_what_it_asks_for(site: Site) -> None:
    page, text = site.ask("GET", f"{site.path}/")
    assert page.status == 200
    assert b"<script" in text
    config, text = site.ask("GET", f"{site.path}/api/config")
    assert config.status == 200
    assert json.loads(text)["maxChunk"] > 0


def test_a_cut_chunk_keeps_what_arrived(site: Site, immich: Immich) -> None:
    """Bytes reach the disk while the phone is still sending, and go on from there."""
    data = f"{site.origin}{site.path} ".encode() * 100_000
    half = len(data) // 2
    created, _ = site.create(len(data))
    assert created.status == 201
    location = created.headers["Location"]
    assert location.startswith(f"{site.origin}{site.path}/files/")
    url = urlsplit(location).path
    with closing(site.connect()) as connection:
        connection.putrequest("PATCH", url)
        for name, value in patch_headers(0, **{"Content-Length": str(len(data))}).items():
            connection.putheader(name, value)
        connection.endheaders(data[:half])
        until(lambda: received(site.product) == half, "the bytes to be on disk")
        linger = struct.pack("ii", 1, 0)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert site.offset(url) == half
    refused, body = site.ask("PATCH", url, patch_headers(0), data)
    assert refused.status == 409
    assert json.loads(body)["code"] == "offset_conflict"
    done, _ = site.ask("PATCH", url, patch_headers(half), data[half:])
    assert done.status == 204
    immich.wait_for(data)


def test_guests_are_told_apart(site: Site) -> None:
    """The limit is one open upload per address, and nobody talks his way around it."""
    first, _ = site.create(3)
    assert first.status == 201
    assert site.create(3)[0].status == 429
    claimed, _ = site.create(3, **{"X-Forwarded-For": "192.0.2.1"})
    assert claimed.status == 429
    other, _ = site.create(3, guest=OTHER_GUEST)
    assert other.status == 201
    for created in (first, other):
        ended, _ = site.ask("DELETE", urlsplit(created.headers["Location"]).path)
        assert ended.status == 204


def received(product: Product) -> int:
    """Return the bytes in the spool."""
    return sum(file.stat().st_size for file in product.spool)
