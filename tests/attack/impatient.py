"""A drop in this process whose patience is short, so that a test need not wait for a minute."""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.product import environment
from harness.thread import looping
from harness.wire import Address

from immich_drop.app import App
from immich_drop.settings import Settings

IDLE = 0.3
"""Seconds that are a minute elsewhere."""


@dataclass(frozen=True, slots=True)
class Running:
    """A drop on a thread of its own."""

    address: Address
    loop: asyncio.AbstractEventLoop
    app: App


@contextmanager
def impatient_app(folder: Path, settings: Mapping[str, str]) -> Iterator[Running]:
    """Serve from this process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address: Address = free.getsockname()
    own = {"STATE_DB": str(folder / "state.db"), "PORT": str(address[1]), **settings}

    async def start() -> App:
        app = App(Settings.from_env(environment(own)), idle=IDLE)
        await app.start()
        return app

    with looping() as thread:
        app = thread.run(start())
        yield Running(address, thread.loop, app)
        thread.run(app.stop())


@contextmanager
def impatient(folder: Path, settings: Mapping[str, str]) -> Iterator[Address]:
    """Serve from this process; gives the address."""
    with impatient_app(folder, settings) as running:
        yield running.address
