"""A drop in this process whose patience is short, so that a test need not wait for a minute."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.product import environment
from harness.wire import Address

from immich_drop.app import App
from immich_drop.settings import Settings

IDLE = 0.3
"""Seconds that are a minute elsewhere."""


@contextmanager
def impatient(folder: Path, settings: Mapping[str, str]) -> Iterator[Address]:
    """Serve on another thread; gives the address."""
    own = {"STATE_DB": str(folder / "state.db"), **settings}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    with socket.create_server(("127.0.0.1", 0)) as free:
        address: Address = free.getsockname()

    async def start() -> App:
        app = App(Settings.from_env(environment({"PORT": str(address[1]), **own})), idle=IDLE)
        await app.start()
        return app

    try:
        app = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield address
        asyncio.run_coroutine_threadsafe(app.stop(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
