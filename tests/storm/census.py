"""What must be true when the storm is over: of Immich, the spool, the rows, the process."""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.immich import Immich
from harness.product import Product
from harness.wait import until

from storm.doors import Door


def settled(product: Product, *, timeout: float) -> None:
    """Wait until nothing is on its way any more; unfinished uploads are not."""

    def on_the_way() -> list[Any]:
        query = "SELECT * FROM uploads WHERE state IN ('received', 'failed')"
        return rows(product, f"SELECT state, code, count(*) FROM ({query}) GROUP BY 1, 2")

    try:
        until(lambda: not on_the_way(), "every file to be in Immich", timeout=timeout)
    except AssertionError as error:
        raise AssertionError(f"{on_the_way()}\n{product.log[-3000:]}") from error


def rows(product: Product, query: str) -> list[Any]:
    """Look into the product's database from beside it."""
    path = product.folder / "data" / "state.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
        return db.execute(query).fetchall()


def exactly_once(immich: Immich, promised: Mapping[Door, Iterable[str]]) -> int:
    """Check that these files (SHA-1), and nothing else, are in Immich; tell how many.

    Each is once in the library of who owns the doors it came by, and in the albums behind these.
    """
    state = immich.control("GET", "state")
    assets = {(asset["owner"], asset["checksum"]): asset["id"] for asset in state["assets"]}
    wanted = {door: {(door.owner, sha1) for sha1 in files} for door, files in promised.items()}
    assert len(assets) == len(state["assets"])
    assert sorted(assets) == sorted(set().union(*wanted.values()))
    for asset in state["assets"]:
        assert not asset["trashed"], asset
        content = (immich.folder / asset["file"]).read_bytes()
        assert hashlib.sha1(content).hexdigest() == asset["checksum"]
    albums = {album["name"]: sorted(album["assets"]) for album in state["albums"]}
    assert len(albums) == len(state["albums"])
    for door, files in wanted.items():
        assert albums.get(door.album, []) == sorted(assets[file] for file in files), door
    return len(assets)


def consistent(product: Product) -> None:
    """Check that nothing is left in the spool, and the database is in order."""
    assert product.spool == []
    assert rows(product, "PRAGMA integrity_check") == [("ok",)]
    unsettled = "SELECT * FROM uploads WHERE state NOT IN ('stored', 'duplicate')"
    assert rows(product, unsettled) == []


def mend(immich: Immich, entrances: Iterable[Door]) -> None:
    """Be the owners: delete for good the rows that Immich (before 3.1) left without their file, and
    take out of the trash what lies there."""
    assets = immich.control("GET", "state")["assets"]
    for owner, key in {(door.owner, door.api_key) for door in entrances}:
        mine = [asset for asset in assets if asset["owner"] == owner]
        if orphans := [asset["id"] for asset in mine if asset["file"] is None]:
            immich.ask("DELETE", "/assets", {"ids": orphans, "force": True}, key)
        if trashed := [asset["id"] for asset in mine if asset["file"] and asset["trashed"]]:
            immich.ask("POST", "/trash/restore/assets", {"ids": trashed}, key)


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds."""

    files: int
    threads: int
    resident: int
    """Bytes."""


def footprint(pid: int) -> Footprint:
    process = Path("/proc") / str(pid)
    pages = int((process / "statm").read_text().split()[1])
    return Footprint(
        files=len(list((process / "fd").iterdir())),
        threads=len(list((process / "task").iterdir())),
        resident=pages * 4096,
    )
