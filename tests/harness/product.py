"""The product as a host runs it: `python server.py`, settings in the environment, a data folder."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.process import Process
from harness.tus import Tus
from harness.wire import Address

SERVER = Path(__file__).parents[2] / "server.py"

OPEN = re.compile(r"^Immich Drop is open at", re.MULTILINE)

UNCLEAN = re.compile(r"Traceback|Uncaught exception|never retrieved|never awaited|Warning: ")
"""What must never be in a log, whatever clients and Immich do."""


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a product: only what any process needs, and the settings."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONWARNINGS": "default",
        "HOST": "127.0.0.1",
        "PORT": "0",
        "MIN_FREE_DISK": "1MB",
        "LIMIT_CREATIONS_PER_MINUTE": "0",
        "LIMIT_OPEN_UPLOADS": "0",
        **settings,
    }


def launch(folder: Path, settings: Mapping[str, str], *arguments: str) -> Process:
    """Start `server.py` in `folder`, which gets its `data/`; for starts that may fail."""
    return Process([sys.executable, str(SERVER), *arguments], env=environment(settings), cwd=folder)


class Product:
    """A running product that can be killed and started again on the same port and data."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self._before = ""
        self.process = launch(folder, settings)
        self.address: Address = self._open()
        self.settings["PORT"] = str(self.address[1])

    def _open(self) -> Address:
        """Wait until the product serves; with a PUBLIC_URL it does not print its own port."""
        if "PUBLIC_URL" not in self.settings:
            return self.process.address()
        self.process.wait_for(OPEN)
        return "127.0.0.1", int(self.settings["PORT"])

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    @property
    def tus(self) -> Tus:
        return Tus(self.address)

    @property
    def spool(self) -> list[Path]:
        """The files the product keeps apart from its database."""
        data = self.folder / "data"
        files = (path for path in data.rglob("*") if path.is_file())
        return sorted(path for path in files if not path.name.startswith("state.db"))

    @property
    def log(self) -> str:
        """The output of every run so far."""
        return self._before + self.process.log

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> int:
        return self.process.stop()

    def start(self, **settings: str) -> None:
        """Start it again, with changed `settings` from here on."""
        self._before = self.log
        self.settings |= settings
        self.process = launch(self.folder, self.settings)
        self._open()

    def crash(self, **settings: str) -> None:
        """Kill it with SIGKILL and start it again."""
        self.kill()
        self.start(**settings)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Product]:
    """Run a product; at the end it must stop cleanly, with no trace of a fault in its log."""
    folder.mkdir(parents=True, exist_ok=True)
    product = Product(folder, **settings)
    try:
        yield product
        code = product.stop()
    finally:
        product.kill()
    assert code == 0, product.log[-5000:]
    if unclean := UNCLEAN.search(product.log):
        raise AssertionError(product.log[max(0, unclean.start() - 500) : unclean.end() + 2000])
