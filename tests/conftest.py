"""Fixtures every test may ask for.

`immich`, `product` and `tus` are shared by the tests of one module: a test tells its own uploads
by their bytes or by its `session`, and puts right what it breaks.
"""

import asyncio
import secrets
from collections.abc import Iterator

import pytest
from harness.immich import Immich
from harness.product import Product, running
from harness.tus import Tus
from tornado.ioloop import IOLoop


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


@pytest.fixture
def tus(product: Product) -> Tus:
    """Speak tus to the product."""
    return product.tus


@pytest.fixture
def session() -> str:
    """Return a session no other test has."""
    return secrets.token_hex(16)


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    """Replace pytest-tornado's own, which calls the deprecated make_current."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    io_loop = IOLoop.current()
    yield io_loop
    io_loop.close(all_fds=True)
    asyncio.set_event_loop(None)
