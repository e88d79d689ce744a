"""Coming from the older immich-drop: nothing it knew is lost, nothing it said silently ignored."""

import sqlite3
from pathlib import Path

import pytest

from immich_drop.ledger import Ledger
from immich_drop.predecessor import advise
from immich_drop.settings import FORMER
from immich_drop.upload import OWN
from unit.make import opened

OLD_SCHEMA = """
CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT, checksum TEXT UNIQUE, filename TEXT, size INTEGER,
    device_asset_id TEXT, immich_asset_id TEXT, created_at TEXT,
    inserted_at TEXT DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE invites (token TEXT PRIMARY KEY, album_id TEXT);
INSERT INTO invites VALUES ('t', 'a');
"""


@pytest.fixture(name="old")
def make_old(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.executescript(OLD_SCHEMA)
    insert = (
        "INSERT INTO uploads (checksum, filename, immich_asset_id, inserted_at) VALUES (?, ?, ?, ?)"
    )
    rows = [
        ("ab" * 20, "a.jpg", "asset-a", "2025-08-01 12:00:00"),
        ("CD" * 20, "b.jpg", "asset-b", None),
        ("ef" * 20, "never arrived.jpg", None, "2025-08-01 12:00:00"),
        ("no checksum at all", "c.jpg", "asset-c", "2025-08-01 12:00:00"),
        ("zz" * 20, "no hex.jpg", "asset-d", "2025-08-01 12:00:00"),
    ]
    connection.executemany(insert, rows)
    connection.commit()
    connection.close()
    return path


def test_the_ledger_takes_over_what_arrived(old: Path) -> None:
    with opened(old) as db:
        ledger = {checksum.hex(): asset for checksum, asset, *_ in Ledger(db).entries()}
        assert ledger == {"ab" * 20: "asset-a", "cd" * 20: "asset-b"}
        moments = {asset: moment.isoformat() for _, asset, moment, _ in Ledger(db).entries()}
        assert moments["asset-a"] == "2025-08-01T12:00:00+00:00"


@pytest.mark.gen_test
async def test_it_is_taken_over_once(old: Path) -> None:
    with opened(old) as db:
        await Ledger(db).forget(bytes.fromhex("ab" * 20), link=OWN)
    with opened(old) as db:
        assert [checksum.hex() for checksum, *_ in Ledger(db).entries()] == ["cd" * 20]


def test_the_old_tables_are_set_aside(old: Path) -> None:
    with opened(old):
        connection = sqlite3.connect(old)
        assert connection.execute("SELECT count(*) FROM before_uploads").fetchone() == (5,)
        assert connection.execute("SELECT * FROM before_invites").fetchall() == [("t", "a")]
        connection.close()


def test_old_keys_that_are_set_are_answered() -> None:
    assert advise({"PORT": "8080", "TIMEZONE": ""}, former=FORMER) == []
    env = {"PUBLIC_BASE_URL": "https://drop.example", "CHUNK_SIZE_MB": "95"}
    renamed, gone = advise(env, former=FORMER)
    assert renamed == "PUBLIC_BASE_URL is called PUBLIC_URL now."
    assert gone.startswith("CHUNK_SIZE_MB is not needed")
