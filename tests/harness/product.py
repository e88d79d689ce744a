"""The product as a host runs it: `python server.py`, settings by environment, a data folder."""

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
"""What must not be in a log, whatever clients and Immich do."""


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a product: nothing but what a process needs, and the settings."""
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
    """Start `server.py` in `folder`, where `data/` will be; for starts that may fail."""
    return Process([sys.executable, str(SERVER), *arguments], env=environment(settings), cwd=folder)


class Product:
    """A running product, which can die and come back on the same port with the same data."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self._before = ""
        self.process = launch(folder, settings)
        self.address: Address = self._open()
        self.settings["PORT"] = str(self.address[1])

    def _open(self) -> Address:
        """Wait until guests may come; with a PUBLIC_URL only we know our port."""
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
        """All that was said, in every life so far."""
        return self._before + self.process.log

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> int:
        return self.process.stop()

    def start(self, **settings: str) -> None:
        """Begin the next life; `settings` change from here on."""
        self._before = self.log
        self.settings |= settings
        self.process = launch(self.folder, self.settings)
        self._open()

    def crash(self, **settings: str) -> None:
        """Kill -9 and start again."""
        self.kill()
        self.start(**settings)


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[Product]:
    """Run a product; at the end it must stop in peace and have said nothing alarming."""
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
