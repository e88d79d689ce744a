"""Fixtures every test may ask for.

`immich`, `product`, `tus` and `browser` are shared by the tests of one module: a test tells its own
uploads by their bytes or by its `session`, and puts right what it breaks.
"""

import asyncio
import secrets
import signal
from collections.abc import Iterator

import pytest
from harness.hostile import Hostile
from harness.immich import VERSIONS, Immich
from harness.product import Product, running
from harness.scenes import chromium
from harness.tus import Tus
from playwright.sync_api import Browser
from tornado.ioloop import IOLoop


def pytest_configure() -> None:
    """Have the processes under test heed what background jobs of a shell, or of nohup, ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="module")
def immich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Immich]:
    """Start a stand-in of Immich in a process of its own."""
    with Immich(tmp_path_factory.mktemp("immich")) as immich:
        yield immich


@pytest.fixture(scope="module")
def product(immich: Immich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Start a product that delivers to `immich`."""
    with running(tmp_path_factory.mktemp("product"), **immich.settings) as product:
        yield product


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def network(product: Product) -> Iterator[Hostile]:
    """Put a bad network in front of the product."""
    with Hostile(product.address) as network:
        yield network


@pytest.fixture
def tus(product: Product) -> Tus:
    """Speak tus to the product."""
    return product.tus


@pytest.fixture
def bystander(tus: Tus) -> Iterator[None]:
    """Have an upload of another guest, which must stand as before whatever was sent."""
    url = tus.create(6)
    tus.patch(url, 0, b"abc")
    yield
    assert tus.offset(url) == 3
    assert tus.delete(url).status == 204


@pytest.fixture
def session() -> str:
    """Return a session no other test has."""
    return secrets.token_hex(16)


@pytest.fixture
def data() -> bytes:
    """Return bytes no other test has."""
    return secrets.token_bytes(500)


@pytest.fixture(params=VERSIONS, ids=lambda version: ".".join(map(str, version)))
def version(immich: Immich, request: pytest.FixtureRequest) -> Iterator[tuple[int, ...]]:
    """Let Immich be of each version for a while."""
    immich.control("POST", "settings", {"version": request.param})
    yield request.param
    immich.control("POST", "settings", {"version": (2, 7, 5)})


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    """Replace pytest-tornado's own, which calls the deprecated make_current."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    io_loop = IOLoop.current()
    yield io_loop
    io_loop.close(all_fds=True)
    asyncio.set_event_loop(None)
