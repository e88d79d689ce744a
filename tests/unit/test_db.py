"""Rows: what was acknowledged is there, and one that fails takes nothing along."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from immich_drop.db import Db, from_ms
from immich_drop.errors import StateConflict, Unavailable
from immich_drop.facts import Facts, noting
from immich_drop.ledger import Ledger
from immich_drop.migrations import MIGRATIONS
from immich_drop.upload import OWN, TRANSITIONS, State
from unit.make import START, as_nobody, opened, sha1, upload, visited

PHOTO = sha1(b"photo")


@pytest.mark.gen_test
async def test_every_column_survives(tmp_path: Path) -> None:
    full = upload(
        session="s" * 22,
        item="7",
        last_modified=START - timedelta(days=400),
        declared=PHOTO,
        proven=3,
        checksum=PHOTO,
        attempts=2,
        offered=True,
        retry_at=START + timedelta(seconds=1.5),
        code="immich_trouble",
        state=State.RECEIVED,
        asset_id="a",
        link="a link",
        guest="Zoë 🐱",
    )
    with opened(tmp_path / "state.db") as db:
        assert await db.add(full) == full
    with opened(tmp_path / "state.db") as db:
        assert db.get(full.id) == full
        assert db.find_item("s" * 22, "7") == full
        assert db.of_session("s" * 22) == [full]
        assert db.get("another") is None


@pytest.mark.gen_test
async def test_one_item_of_a_session_is_one_upload(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        twins = [upload(session="s" * 16, item="1") for _ in range(20)]
        added = await asyncio.gather(*map(db.add, twins))
        assert len({each.id for each in added}) == 1
        assert len(db.of_session("s" * 16)) == 1
        strangers = [await db.add(upload()) for _ in range(2)]
        assert strangers[0] != strangers[1], "without an item, every creation is a new upload"


@pytest.mark.parametrize(("old", "new"), list(product(State, State)))
@pytest.mark.gen_test
async def test_only_the_moves_of_the_table(tmp_path: Path, old: State, new: State) -> None:
    with opened(tmp_path / "state.db") as db:
        before = await db.add(upload(state=old))
        if new in TRANSITIONS[old]:
            assert (await db.move(before, new)).state is new
        else:
            with pytest.raises(StateConflict):
                await db.move(before, new)
        after = db.get(before.id)
        assert after is not None
        assert after.state is (new if new in TRANSITIONS[old] else old)


@pytest.mark.parametrize("old", [each for each in State if each is not State.FAILED])
@pytest.mark.gen_test
async def test_only_what_failed_is_retried(tmp_path: Path, old: State) -> None:
    with opened(tmp_path / "state.db") as db:
        before = await db.add(upload(state=old))
        with pytest.raises(StateConflict):
            await db.retry(before, now=START)
        assert db.get(before.id) == before


@pytest.mark.gen_test
async def test_of_many_who_move_one_wins(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        seen = await db.add(upload(state=State.RECEIVED, checksum=PHOTO))
        moves = [db.move(seen, State.STORED, asset_id=f"asset {n}") for n in range(10)]
        moves += [db.move(seen, State.FAILED, code="immich_refused") for _ in range(10)]
        outcomes = await asyncio.gather(*moves, return_exceptions=True)
        winners = [each for each in outcomes if not isinstance(each, BaseException)]
        assert len(winners) == 1
        assert all(isinstance(each, StateConflict | type(winners[0])) for each in outcomes)
        assert db.get(seen.id) == winners[0]


@pytest.mark.gen_test
async def test_what_is_gone_or_changed_is_not_removed(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        seen = await db.add(upload())
        moved = await db.move(seen, State.RECEIVED, checksum=PHOTO)
        with pytest.raises(StateConflict):
            await db.remove(seen, also=noting("gone"))
        assert db.get(seen.id) == moved
        await db.remove(moved, also=noting("gone"))
        for late in (db.remove(moved, also=noting("gone")), db.change(moved, code="x")):
            with pytest.raises(StateConflict):
                await late


BROKEN: list[tuple[Callable[[sqlite3.Connection], object], type[Exception]]] = [
    (lambda c: c.execute("INSERT INTO uploads (id) VALUES ('x')"), Unavailable),
    (lambda c: c.execute("no such statement"), Unavailable),
    (lambda c: c.execute("INSERT INTO facts VALUES ('n', ?)", (1 << 64,)), OverflowError),
    (lambda c: c.execute("INSERT INTO facts VALUES ('n', ?)", ("\ud800",)), UnicodeEncodeError),
    (lambda c: 1 / 0, ZeroDivisionError),
]


@pytest.mark.parametrize(("broken", "kind"), BROKEN)
@pytest.mark.gen_test
async def test_a_write_that_fails_takes_nothing_along(
    tmp_path: Path, broken: Callable[[sqlite3.Connection], object], kind: type[Exception]
) -> None:
    def half_done(connection: sqlite3.Connection) -> object:
        connection.execute("INSERT INTO facts VALUES ('half', 'done')")
        return broken(connection)

    with opened(tmp_path / "state.db") as db:
        good = [Facts(db).remember(f"before {n}", "kept") for n in range(3)]
        more = [Facts(db).remember(f"after {n}", "kept") for n in range(3)]
        outcomes = await asyncio.gather(
            *good, db._writer.write(half_done), *more, return_exceptions=True
        )
        assert [type(each) for each in outcomes] == [type(None)] * 3 + [kind] + [type(None)] * 3
        assert all(
            Facts(db).recall(f"{when} {n}") for when in ("before", "after") for n in range(3)
        )
        assert Facts(db).recall("half") is None
        await Facts(db).remember("later", "goes on")


@pytest.mark.gen_test
async def test_a_database_whose_file_was_deleted_takes_no_more(tmp_path: Path) -> None:
    """SQLite would write on into a file without a name, which nobody finds after a restart."""
    path = tmp_path / "state.db"
    with opened(path) as db:
        await Facts(db).remember("before", "kept")
        path.rename(tmp_path / "elsewhere")
        with pytest.raises(Unavailable, match="No such file"):
            await Facts(db).remember("meanwhile", "lost")
        with pytest.raises(Unavailable):
            db.ping()
        (tmp_path / "elsewhere").rename(path)
        await Facts(db).remember("later", "goes on")
        db.ping()
        assert [Facts(db).recall(key) for key in ("before", "meanwhile", "later")] == [
            "kept",
            None,
            "goes on",
        ]


@pytest.mark.gen_test
async def test_when_the_disk_is_full_the_caller_hears_of_it(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        (pages,) = db._writer._connection.execute("PRAGMA page_count").fetchone()
        db._writer._connection.execute(f"PRAGMA max_page_count = {pages}")
        writes = [Facts(db).remember(f"large {n}", "x" * 50_000) for n in range(3)]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert all(isinstance(each, Unavailable) for each in outcomes)
        db._writer._connection.execute("PRAGMA max_page_count = 1000")
        await Facts(db).remember("large", "x" * 50_000)
        assert Facts(db).recall("large") == "x" * 50_000


@pytest.mark.gen_test
async def test_to_sort_much_takes_no_place_on_a_disk(tmp_path: Path) -> None:
    """Ten thousand uploads that wait are sorted at the start, also where the root is read-only."""
    with opened(tmp_path / "state.db") as db:
        for number in range(10):
            await Facts(db).remember(f"large {number}", "x" * 1_000_000)
        with closing(db._reader.execute("SELECT * FROM facts ORDER BY value")) as cursor:
            cursor.fetchone()
            files = {os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()}
        assert not [file for file in files if "etilqs" in file], "SQLite's temporary files"


@pytest.mark.gen_test
async def test_another_process_that_writes_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("immich_drop.db_file.BUSY_TIMEOUT", 0.05)
    with opened(tmp_path / "state.db") as db:
        await Facts(db).remember("a", "1")
        other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await Facts(db).remember("a", "2")
        assert Facts(db).recall("a") == "1", "reading goes on"
        other.execute("ROLLBACK")
        await Facts(db).remember("a", "3")
        other.close()


@pytest.mark.gen_test
async def test_a_caller_that_went_away_harms_nobody(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        leaving = asyncio.ensure_future(Facts(db).remember("a", "1"))
        await asyncio.sleep(0)
        leaving.cancel()
        await Facts(db).remember("b", "2")
        assert (Facts(db).recall("a"), Facts(db).recall("b")) == ("1", "2")


KILLED = """
import asyncio, sys
from pathlib import Path
from immich_drop.db import Db
from immich_drop.facts import Facts

async def main():
    db = Db(Path(sys.argv[1]))
    db.open()
    def slow(connection):
        connection.execute("INSERT INTO facts VALUES ('slow', 'unfinished')")
        sys.stdout.write("in the middle\\n"); sys.stdout.flush()
        import time; time.sleep(60)
    async def one(n):
        await Facts(db).remember(str(n), "acknowledged")
        sys.stdout.write(f"{n}\\n")
    await asyncio.gather(*map(one, range(300)))
    sys.stdout.flush()
    await db._writer.write(slow)

asyncio.run(main())
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    victim = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert victim.stdout is not None
    told = []
    for line in victim.stdout:
        if line.startswith("in the middle"):
            break
        told.append(line.strip())
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    assert len(told) == 300
    with opened(path) as db:
        assert all(Facts(db).recall(number) == "acknowledged" for number in told)
        assert Facts(db).recall("slow") is None


def test_migrations_run_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with opened(path):
        pass
    connection = sqlite3.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    assert version == len(MIGRATIONS)
    with opened(path) as db:
        assert db.count() == dict.fromkeys(State, 0)


@pytest.mark.parametrize("done", range(len(MIGRATIONS)))
def test_every_older_schema_is_brought_up_to_date(tmp_path: Path, done: int) -> None:
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    for script in MIGRATIONS[:done]:
        connection.executescript(script)
    connection.execute(f"PRAGMA user_version = {done}")
    connection.close()
    with opened(path) as db:
        asyncio.run(db.add(upload()))


FIRST = """
INSERT INTO uploads VALUES
    ('waits', 's', '1', '192.0.2.1', 'photo.jpg', 'filename cGhvdG8uanBn', 5, 1000, x'01', NULL,
     x'02', 'received', NULL, 2, 1, 2000, 'immich_trouble', 3000, 4000),
    ('is half here', NULL, NULL, '192.0.2.2', 'film.mov', '', NULL, NULL, NULL, 3,
     NULL, 'receiving', NULL, 0, 0, NULL, NULL, 3000, 4000);
INSERT INTO ledger VALUES (x'03', 'asset', 5000), (x'04', 'another asset', 6000);
INSERT INTO facts VALUES ('album:Wedding', 'its id');
"""
"""What a drop with the first schema held: it had one library, and knew no names of guests."""


def test_a_database_of_the_first_schema_keeps_all_it_has(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.executescript(MIGRATIONS[0] + FIRST + "PRAGMA user_version = 1")
    connection.close()
    for _ in range(2):
        with opened(path) as db:
            waits, half = db.get("waits"), db.get("is half here")
            assert waits == upload(
                id="waits",
                session="s",
                item="1",
                last_modified=from_ms(1000),
                declared=b"\1",
                checksum=b"\2",
                state=State.RECEIVED,
                attempts=2,
                offered=True,
                retry_at=from_ms(2000),
                code="immich_trouble",
                created_at=from_ms(3000),
                updated_at=from_ms(4000),
            )
            assert half is not None
            assert (half.link, half.guest, half.proven, half.length) == (OWN, None, 3, None)
            assert db.find_item("s", "1") == waits
            assert Ledger(db).entries() == [
                (b"\3", "asset", from_ms(5000), OWN),
                (b"\4", "another asset", from_ms(6000), OWN),
            ]
            assert Facts(db).recall("album:Wedding") == "its id"
            assert db.underway([b"\2"], link=OWN) == {b"\2"}
            assert db.read("SELECT * FROM links") == []


def lay_newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()


def lay_foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE uploads (mine)")
    connection.close()


@pytest.mark.parametrize(
    ("lay", "words"),
    [
        (lambda path: path.write_bytes(b"not a database " * 100), "not a database"),
        (lambda path: path.mkdir(), "unable to open"),
        (lay_newer, "newer version"),
        (lay_foreign, "already exists"),
    ],
)
def test_a_file_that_is_none_of_ours(
    tmp_path: Path, lay: Callable[[Path], object], words: str
) -> None:
    path = tmp_path / "state.db"
    lay(path)
    with pytest.raises(Unavailable, match=words):
        Db(path).open()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody without rights")
def test_a_file_that_may_only_be_read() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "state.db")
        with opened(path):
            pass
        Path(f"{path}.lock").unlink()  # there was none in older versions
        path.chmod(0o444)
        Path(folder).chmod(0o777)
        with as_nobody(), pytest.raises(Unavailable, match="readonly database"):
            Db(path).open()


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return all there is of every file, and when it was written."""
    return {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in folder.iterdir()}


def lay_older(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(MIGRATIONS[0] + "PRAGMA user_version = 1; PRAGMA journal_mode=WAL")


@pytest.mark.gen_test
async def test_a_visitor_who_only_reads_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with opened(path) as db:
        known = await db.add(upload())
    before = contents(tmp_path)
    with visited(path) as visitor:
        assert visitor.get(known.id) == known
        assert contents(tmp_path) == before
    assert contents(tmp_path) == before


@pytest.mark.gen_test
async def test_visitors_beside_the_drop(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with opened(path) as db, visited(path) as reader, visited(path, writing=True) as writer:
        known = await db.add(upload())
        assert reader.get(known.id) == writer.get(known.id) == known
        changed = await writer.change(known, code="x")
        assert db.get(known.id) == reader.get(known.id) == changed


@pytest.mark.gen_test
async def test_a_visitor_after_a_crash_reads_what_is_in_the_log_only(tmp_path: Path) -> None:
    (tmp_path / "crashed").mkdir()
    with opened(tmp_path / "state.db") as db:
        known = await db.add(upload())
        for file in tmp_path.glob("state.db*"):
            (tmp_path / "crashed" / file.name).write_bytes(file.read_bytes())
    with visited(tmp_path / "crashed" / "state.db") as visitor:
        assert visitor.get(known.id) == known


@pytest.mark.parametrize("writing", [False, True])
@pytest.mark.parametrize(
    ("lay", "words"),
    [
        (lay_newer, "newer version"),
        (lay_older, "older version: start the drop"),
        (lay_foreign, "older version: start the drop"),
        (lambda path: path.write_bytes(b"not a database " * 100), "not a database"),
        (lambda path: path.touch(), "is this the wrong folder"),
        (lambda path: None, "is this the wrong folder"),
    ],
)
def test_a_visitor_does_not_bring_a_schema_up_to_date(
    tmp_path: Path, lay: Callable[[Path], object], words: str, writing: bool
) -> None:
    """The old version may be running, and the new one is only asked how it does."""
    path = tmp_path / "state.db"
    lay(path)
    before = contents(tmp_path)
    with pytest.raises(Unavailable, match=words):
        Db(path).visit(writing=writing)
    assert contents(tmp_path) == before


@pytest.mark.gen_test
async def test_a_second_drop_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    """It would take the files that the first one waits for, in another spool, for lost."""
    path, link = tmp_path / "state.db", tmp_path / "link.db"
    link.symlink_to(path)
    with opened(path) as db:
        for way in (path, link):
            with pytest.raises(Unavailable, match="another Immich Drop is using"):
                Db(way).open()
        await db.add(upload())
    with opened(link) as db:
        assert len(db.in_state(State.RECEIVING)) == 1


def test_a_start_that_failed_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    lay_newer(path)
    for _ in range(2):
        with pytest.raises(Unavailable, match="newer version"):
            Db(path).open()


@pytest.mark.gen_test
async def test_what_is_damaged_is_not_answered(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with opened(path) as db:
        for _ in range(50):
            await db.add(upload())
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with opened(path) as db, pytest.raises(Unavailable):
        db.in_state(State.RECEIVING)


@pytest.mark.gen_test
async def test_figures(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        for number, state in enumerate(State):
            moment = START + timedelta(days=number)
            for _ in range(number + 1):
                await db.add(upload(state=state, session="s" * 16, updated_at=moment))
        assert db.count() == {state: number + 1 for number, state in enumerate(State)}
        for number, state in enumerate(State):
            assert db.since(state) == START + timedelta(days=number)
            assert len(db.links_of(state)) == number + 1
        for number, state in enumerate(State):
            moment = START + timedelta(days=number)
            await db.prune([state], before=moment)
            assert len(db.in_state(state)) == number + 1
            await db.prune([state], before=moment + timedelta(seconds=1))
            assert db.in_state(state) == []
