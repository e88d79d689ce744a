"""Coming from the older immich-drop: nothing it knew is lost, nothing it said silently ignored."""

import sqlite3
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient

from immich_drop.app import App
from immich_drop.ledger import Ledger
from immich_drop.predecessor import advise
from immich_drop.settings import FORMER, Settings
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
    renamed, gone, page = advise(env, former=FORMER)
    assert renamed.startswith("PUBLIC_BASE_URL is called PUBLIC_URL now")
    assert gone.startswith("CHUNK_SIZE_MB is not needed")
    assert page.startswith("PUBLIC_UPLOAD_PAGE_ENABLED is not set")
    assert advise({"TRUSTED_PROXY": "::1", "DROP_PAGE": "on"}, former=FORMER) == [
        "TRUSTED_PROXY is called TRUSTED_PROXIES now."
    ]
    (closed,) = advise({"PUBLIC_UPLOAD_PAGE_ENABLED": "false"}, former=FORMER)
    assert closed == "PUBLIC_UPLOAD_PAGE_ENABLED is called DROP_PAGE now."


def test_invitations_that_end_are_told_once(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(old):
        assert "Links to /invite/... do not work any more, and there are 1" in caplog.text
    caplog.clear()
    with opened(old):
        assert not caplog.text


@pytest.mark.parametrize(
    ("written", "opens"),
    [({}, False), ({"DROP_PAGE": "on"}, True), ({"PUBLIC_UPLOAD_PAGE_ENABLED": "TRUE"}, True)],
)
@pytest.mark.gen_test
async def test_a_page_that_was_closed_by_default_stays_closed(
    old: Path, caplog: pytest.LogCaptureFixture, written: dict[str, str], opens: bool
) -> None:
    for _ in range(2):
        assert await is_open(old, written) is opens
        assert ("page at / stays closed" in caplog.text) is not opens
        caplog.clear()


@pytest.mark.gen_test
async def test_a_page_that_never_was_another_is_open(tmp_path: Path) -> None:
    assert await is_open(tmp_path / "state.db", {})


async def is_open(state_db: Path, written: dict[str, str]) -> bool:
    """Tell whether guests may come in at `/` without a link."""
    settings = {"HOST": "127.0.0.1", "PORT": "0", "STATE_DB": str(state_db), "IMMICH_API_KEY": "k"}
    least = {"IMMICH_BASE_URL": "http://127.0.0.1:9/api", **settings}
    app = App(Settings.from_env(least | written))
    address = await app.start()
    try:
        answer = await AsyncHTTPClient().fetch(address, raise_error=False)
        return answer.code == 200
    finally:
        await app.stop()
