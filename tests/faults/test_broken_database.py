"""A database that is damaged: it is said, and no file that was received is deleted for it."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.immich import Immich
from harness.process import ADDRESS
from harness.product import Product, launch, running
from harness.wait import until

FILES = 12


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def scatter(path: Path) -> None:
    chance = random.Random(7)
    for _ in range(40):
        overwrite(path, chance.randrange(4096, path.stat().st_size - 64), chance.randbytes(64))


def overwrite(path: Path, position: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(data)


@pytest.fixture(name="stopped")
def fixture_stopped(immich: Immich, tmp_path: Path) -> Product:
    """A product that ended in peace with files it has not delivered."""
    fault = {"match": ".*", "status": 401, "message": "Invalid API key", "times": None}
    with immich.fault("status", **fault), running(tmp_path, **immich.settings) as product:
        for number in range(FILES):
            product.tus.upload(f"{tmp_path.name} {number}".encode() * 300)
        until(lambda: "immich_key" in product.log, "the deliveries to wait")
    return product


@pytest.mark.parametrize("damage", [cut_in_half, scatter])
def test_no_file_is_lost(stopped: Product, immich: Immich, damage: Callable[[Path], None]) -> None:
    files = {path.name: path.read_bytes() for path in stopped.spool}
    assert len(files) == FILES
    database = stopped.folder / "data" / "state.db"
    whole = database.read_bytes()
    damage(database)
    process = launch(stopped.folder, {**stopped.settings, "PORT": "0"})
    try:
        until(lambda: not process.alive() or ADDRESS.search(process.log), "a start, or none")
        process.stop()
    finally:
        process.kill()
    assert "Traceback" not in process.log
    kept = {path.name: path.read_bytes() for path in stopped.spool}
    delivered = [data for data in files.values() if immich.assets(data)]
    assert len(kept) + len(delivered) == FILES
    for side in database.parent.glob("state.db-*"):
        side.unlink()
    database.write_bytes(whole)
    stopped.start()
    for data in files.values():
        immich.wait_for(data)
    stopped.stop()


@pytest.mark.parametrize("damage", [Path.unlink, empty])
def test_a_lost_database_costs_no_file(
    stopped: Product, immich: Immich, damage: Callable[[Path], None]
) -> None:
    """Also when the host asks first what is the matter: that makes no database to take for ours."""
    files = {path.name: path.read_bytes() for path in stopped.spool}
    assert len(files) == FILES
    database = stopped.folder / "data" / "state.db"
    whole = database.read_bytes()
    damage(database)
    asked = launch(stopped.folder, stopped.settings, "status")
    assert asked.exit_code() == 2
    assert str(database) in asked.log
    stopped.start()
    stopped.stop()
    assert {path.name: path.read_bytes() for path in stopped.spool} == files
    assert "they are left alone" in stopped.log
    database.write_bytes(whole)
    stopped.start()
    for data in files.values():
        immich.wait_for(data)
    stopped.stop()
