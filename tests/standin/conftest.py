"""A stand-in, and a client of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from standin_client import Client
from tornado.ioloop import IOLoop

from immich_drop.standin import StandIn


@pytest.fixture
def standin(tmp_path: Path, io_loop: IOLoop) -> Iterator[StandIn]:
    """Start an Immich 2.7.5 whose jobs run by hand."""
    standin = StandIn(tmp_path / "immich", job_delay=None)
    io_loop.run_sync(standin.start)
    yield standin
    io_loop.run_sync(standin.stop)


@pytest.fixture
def client(standin: StandIn) -> Iterator[Client]:
    """Speak to the stand-in as the owner of its key."""
    client = Client(standin)
    yield client
    client.http.close()
