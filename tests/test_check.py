"""What `--check` finds, and what it tells the host to do."""

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from unit.make import NOBODY, as_nobody, upload

from immich_drop.check import Finding, Level, check, exit_code, table
from immich_drop.db import Db
from immich_drop.facts import noting
from immich_drop.migrations import MIGRATIONS, migrate
from immich_drop.standin import Album, Asset, Fault, Kind, StandIn
from immich_drop.upload import State

ENOUGH = frozenset({"asset.upload", "album.read", "album.create", "albumAsset.create"})
HELPFUL = frozenset({"asset.read", "asset.delete", "user.read"})


@asynccontextmanager
async def running(
    folder: Path, *, version: tuple[int, int, int] = (2, 7, 5), scopes: frozenset[str] = ENOUGH
) -> AsyncIterator[StandIn]:
    standin = StandIn(folder / "immich", version=version, permissions=scopes, job_delay=None)
    await standin.start()
    try:
        yield standin
    finally:
        await standin.stop()


async def findings(
    folder: Path,
    standin: StandIn,
    *,
    base_url: str = "",
    api_key: str | None = None,
    album_name: str = "Wedding",
    shared_link: str = "",
) -> list[Finding]:
    found = await check(
        base_url=base_url or standin.url,
        api_key=standin.key if api_key is None else api_key,
        album_name=album_name,
        shared_link=shared_link,
        state_db=folder / "data" / "state.db",
        spool=folder / "data" / "spool",
        min_free=1,
    )
    assert standin.key not in table(found)
    return found


def about(found: list[Finding], what: str) -> list[Finding]:
    return [finding for finding in found if finding.about == what]


def levels(found: list[Finding]) -> set[Level]:
    return {finding.level for finding in found}


@pytest.mark.gen_test
async def test_all_is_well(tmp_path: Path) -> None:
    async with running(tmp_path, scopes=ENOUGH | HELPFUL) as standin:
        standin.user.admin = False
        found = await findings(tmp_path, standin)
        assert levels(found) == {Level.OK}
        assert exit_code(found) == 0
        assert [finding.advice for finding in found] == [""] * len(found)
        assert f"Immich 2.7.5 answers at {standin.url}" in table(found)
        assert "'Wedding' will be made" in about(found, "album")[0].sentence
        assert standin.albums == []
    assert not (tmp_path / "data").exists()


@pytest.mark.gen_test
async def test_the_album_is_there(tmp_path: Path) -> None:
    async with running(tmp_path) as standin:
        standin.library.save(Album(owner=standin.user.id, name="Wedding"))
        assert "is there" in about(await findings(tmp_path, standin), "album")[0].sentence
        assert about(await findings(tmp_path, standin, album_name=""), "album") == []


@pytest.mark.gen_test
async def test_an_address_without_api(tmp_path: Path) -> None:
    async with running(tmp_path) as standin:
        found = await findings(tmp_path, standin, base_url=standin.url.removesuffix("/api"))
        (address,) = about(found, "address")
        assert address.level is Level.ERROR
        assert address.advice == f"Write IMMICH_BASE_URL={standin.url}"
        # The rest is found out all the same.
        assert about(found, "album")


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("fault", "sign"),
    [
        (Fault(kind=Kind.HTML, status=200, match=".*", times=None), "a page in front of it"),
        (Fault(kind=Kind.HTML, status=502, match=".*", times=None), "a page in front of it"),
        (
            Fault(
                kind=Kind.REDIRECT, status=302, location="//login.example", match=".*", times=None
            ),
            "behind any login page",
        ),
        (Fault(kind=Kind.STATUS, status=500, match=".*", times=None), "Immich's log"),
    ],
    ids=["a page", "a gateway", "a login", "a failure"],
)
async def test_something_else_answers(tmp_path: Path, fault: Fault, sign: str) -> None:
    async with running(tmp_path) as standin:
        standin.faults.add(fault)
        (address,) = about(await findings(tmp_path, standin), "address")
        assert address.level is Level.ERROR
        assert sign in address.advice


@pytest.mark.gen_test
async def test_a_wrong_path(tmp_path: Path) -> None:
    async with running(tmp_path) as standin:
        for wrong in (f"{standin.url}/v2", standin.url.replace("/api", "/immich")):
            (address,) = about(await findings(tmp_path, standin, base_url=wrong), "address")
            assert "Immich's API is at /api" in address.advice


@pytest.mark.gen_test
async def test_nobody_listens(tmp_path: Path) -> None:
    async with running(tmp_path) as standin:
        await standin.down()
        found = await findings(tmp_path, standin)
        assert "Nothing listens there" in about(found, "address")[0].advice
        assert exit_code(found) == 1


@pytest.mark.gen_test
async def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    async with running(tmp_path) as standin:
        url = "http://guest:hush@immich.invalid:2283/api"
        (address,) = about(await findings(tmp_path, standin, base_url=url), "address")
        assert "does not resolve" in address.advice
        assert "hush" not in address.sentence


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [(2, 3, 0), (2, 7, 5), (3, 2, 2)])
async def test_maintenance(tmp_path: Path, version: tuple[int, int, int]) -> None:
    async with running(tmp_path, version=version) as standin:
        standin.maintenance = True
        last = (await findings(tmp_path, standin))[-1]
        assert last.level is Level.ERROR
        assert "in maintenance mode" in last.sentence
        assert "Wait" in last.advice


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("version", "level"),
    [
        ((1, 105, 1), Level.ERROR),
        ((1, 106, 0), Level.WARNING),
        ((1, 140, 1), Level.WARNING),
        ((1, 141, 0), Level.OK),
        ((3, 2, 2), Level.OK),
    ],
)
async def test_versions(tmp_path: Path, version: tuple[int, int, int], level: Level) -> None:
    async with running(tmp_path, version=version, scopes=frozenset({"all"})) as standin:
        found = await findings(tmp_path, standin)
        assert about(found, "version")[0].level is level
        assert levels(about(found, "key")) == {Level.OK}


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [(1, 106, 0), (2, 7, 5)])
async def test_a_wrong_key(tmp_path: Path, version: tuple[int, int, int]) -> None:
    async with running(tmp_path, version=version) as standin:
        (key,) = about(await findings(tmp_path, standin, api_key="no-such-key"), "key")
        assert key.level is Level.ERROR
        assert "does not know IMMICH_API_KEY" in key.sentence


@pytest.mark.gen_test
async def test_missing_scopes_are_named(tmp_path: Path) -> None:
    async with running(tmp_path, scopes=frozenset({"album.read"})) as standin:
        key, *_ = about(await findings(tmp_path, standin), "key")
        assert key.level is Level.ERROR
        assert key.sentence == "The key lacks asset.upload, album.create, albumAsset.create."
        assert about(await findings(tmp_path, standin), "album") == []
        key, *_ = about(await findings(tmp_path, standin, album_name=""), "key")
        assert key.sentence == "The key lacks asset.upload."


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("version", "level"), [((1, 141, 0), Level.WARNING), ((3, 1, 0), Level.OK)]
)
async def test_scopes_that_would_help_are_no_mistake(
    tmp_path: Path, version: tuple[int, int, int], level: Level
) -> None:
    async with running(tmp_path, version=version) as standin:
        found = about(await findings(tmp_path, standin), "key")
        assert exit_code(found) == 0
        assert {each.level for each in found if "asset.read" in each.sentence} == {level}
        text = table(found)
        for scope in HELPFUL:
            assert scope in text


@pytest.mark.gen_test
async def test_a_key_that_cannot_look_ahead(tmp_path: Path) -> None:
    async with running(tmp_path, version=(1, 140, 1)) as standin:
        key, scopes, *_ = about(await findings(tmp_path, standin), "key")
        assert key.level is Level.WARNING
        assert "look for duplicates ahead" in key.sentence
        assert scopes.level is Level.OK


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("version", "scopes"),
    [((1, 136, 0), {"asset.upload"}), ((1, 137, 0), {"album.read"}), ((1, 138, 0), {"album.read"})],
)
async def test_a_key_that_cannot_upload_where_none_tells_its_scopes(
    tmp_path: Path, version: tuple[int, int, int], scopes: set[str]
) -> None:
    async with running(tmp_path, version=version, scopes=frozenset(scopes)) as standin:
        found = await findings(tmp_path, standin, album_name="")
        assert exit_code(found) == 1
        assert "Missing required permission" in about(found, "key")[0].sentence


# Without a key, and by a link


@pytest.mark.gen_test
async def test_without_a_key_only_links_are_served(tmp_path: Path) -> None:
    async with running(tmp_path) as standin:
        found = await findings(tmp_path, standin, api_key="")
        assert levels(found) == {Level.OK}
        assert {each.about for each in found} == {"disk", "database", "version", "key", "server"}
        (key,) = about(found, "key")
        assert "shared links only" in key.sentence
        assert "types of files" in about(found, "server")[0].sentence
        asked = {exchange.name.split()[1] for exchange in standin.exchanges}
        assert asked == {"/server/version", "/server/media-types"}
        standin.maintenance = True
        last = (await findings(tmp_path, standin, api_key=""))[-1]
        assert (last.level, "maintenance" in last.sentence) == (Level.ERROR, True)
        await standin.down()
        assert exit_code(await findings(tmp_path, standin, api_key="")) == 1


@pytest.mark.gen_test
@pytest.mark.parametrize("with_key", [False, True])
async def test_a_link_that_opens(tmp_path: Path, with_key: bool) -> None:
    async with running(tmp_path, scopes=frozenset({"all"})) as standin:
        key = None if with_key else ""
        link = standin.make_link(
            album="Anna & Tom", slug="婚礼", expires_at=datetime(2099, 5, 1, 12, tzinfo=UTC)
        )
        said = "Guests can add to the album 'Anna & Tom' until 01 May 2099 12:00 UTC"
        for path in (
            f"/share/{link.key}",
            f"/share/{link.key}/",
            "/s/婚礼",
            f"/s/{quote('婚礼')}/",
        ):
            address = f"https://photos.example.org{path}?x#y"
            found = await findings(tmp_path, standin, api_key=key, shared_link=address)
            (opened,) = about(found, "link")
            assert (opened.level, opened.sentence.startswith(said)) == (Level.OK, True)
            assert link.key not in table(found)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("changes", "level", "said"),
    [
        ({}, Level.OK, "without end, without a password"),
        ({"album": None}, Level.ERROR, "single photos, not an album"),
        ({"password": "hush"}, Level.OK, "asks for a password"),
        ({"allow_upload": False}, Level.ERROR, "only shows the album 'Wedding'"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, Level.ERROR, "or it has ended"),
        ({"key": "another"}, Level.ERROR, "does not know this link"),
    ],
)
async def test_what_a_link_may_be(
    tmp_path: Path, changes: dict[str, object], level: Level, said: str
) -> None:
    async with running(tmp_path) as standin:
        link = standin.make_link(album="Wedding")
        address = f"http://drop.example.org/party/share/{link.key}"
        for name, value in changes.items():
            setattr(link, name, value)
        found = await findings(tmp_path, standin, api_key="", shared_link=address)
        (finding,) = about(found, "link")
        assert (finding.level, said in finding.sentence) == (level, True)
        assert "hush" not in table(found)


@pytest.mark.gen_test
@pytest.mark.parametrize("address", ["https://photos.example.org/albums/1", "KEY", "/share/", "/s"])
async def test_an_address_that_is_no_link(tmp_path: Path, address: str) -> None:
    async with running(tmp_path) as standin:
        (link,) = about(await findings(tmp_path, standin, shared_link=address), "link")
        assert (link.level, link.sentence) == (Level.ERROR, "This is not the address of a link.")


@pytest.mark.gen_test
async def test_a_link_in_bad_times(tmp_path: Path) -> None:
    async with running(tmp_path) as standin:
        standin.faults.add(Fault(kind=Kind.STATUS, status=500, match=".*shared-links.*"))
        found = await findings(tmp_path, standin, shared_link="/share/K")
        assert (found[-1].about, found[-1].level) == ("link", Level.ERROR)


def photo(owner: str, *, size: int) -> Asset:
    date = datetime(2026, 7, 4, tzinfo=UTC)
    return Asset(
        owner=owner,
        name="photo.jpg",
        checksum=bytes(20),
        size=size,
        created_at=date,
        modified_at=date,
        file=None,
    )


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("quota", "level"),
    [(None, Level.OK), (10_000, Level.OK), (1050, Level.WARNING), (1000, Level.ERROR)],
)
async def test_the_quota(tmp_path: Path, quota: int | None, level: Level) -> None:
    async with running(tmp_path, scopes=ENOUGH | HELPFUL) as standin:
        standin.user.quota = quota
        standin.library.save(photo(standin.user.id, size=1000))
        (finding,) = about(await findings(tmp_path, standin), "quota")
        assert finding.level is level


@pytest.mark.gen_test
async def test_an_administrators_key(tmp_path: Path) -> None:
    async with running(tmp_path, scopes=ENOUGH | HELPFUL) as standin:
        (finding,) = about(await findings(tmp_path, standin), "account")
        assert finding.level is Level.WARNING
        assert "administrator" in finding.sentence


async def storage(state_db: Path, spool: Path, *, min_free: int = 1) -> list[Finding]:
    """Find out about disk and database, where nobody listens."""
    found = await check(
        base_url="http://127.0.0.1:1/api",
        api_key="key",
        album_name="",
        state_db=state_db,
        spool=spool,
        min_free=min_free,
    )
    return [finding for finding in found if finding.about in {"disk", "database"}]


@pytest.mark.gen_test
async def test_a_full_disk(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    found = await storage(tmp_path / "state.db", tmp_path, min_free=free * 2)
    assert levels(found) == {Level.OK, Level.ERROR}
    assert "MIN_FREE_DISK" in table(found)


@pytest.mark.gen_test
async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    # Nobody can write there, not even root.
    found = await storage(tmp_path / "state.db", Path("/proc/self"))
    (disk,) = (each for each in found if each.level is Level.ERROR and "written" in each.sentence)
    assert "/proc/" in disk.sentence


@pytest.mark.gen_test
async def test_a_database_in_use(tmp_path: Path) -> None:
    state_db = tmp_path / "state.db"
    with closing(sqlite3.connect(state_db)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        migrate(database)
        found = await storage(state_db, tmp_path)
        assert about(found, "database")[0].sentence == f"{state_db} is sound."


@pytest.mark.gen_test
async def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    state_db = tmp_path / "state.db"
    with closing(sqlite3.connect(state_db)) as database:
        database.execute("PRAGMA user_version = 999")
    (finding,) = about(await storage(state_db, tmp_path), "database")
    assert (finding.level, finding.advice) == (Level.ERROR, "Update this program.")


@pytest.mark.gen_test
@pytest.mark.parametrize("content", [b"no database at all" * 100, bytes(range(256)) * 16])
async def test_no_database(tmp_path: Path, content: bytes) -> None:
    """Another file in its place would not know what is in the spool."""
    state_db = tmp_path / "state.db"
    state_db.write_bytes(content)
    (finding,) = about(await storage(state_db, tmp_path), "database")
    assert finding.level is Level.ERROR
    assert "not a database" in finding.sentence
    assert finding.advice.startswith("Restore a backup")


@pytest.mark.gen_test
async def test_a_damaged_database(tmp_path: Path) -> None:
    state_db = tmp_path / "state.db"
    with closing(sqlite3.connect(state_db)) as database:
        migrate(database)
    with state_db.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (state_db.stat().st_size - 4096))
    (finding,) = about(await storage(state_db, tmp_path), "database")
    assert finding.level is Level.ERROR
    assert finding.advice.startswith("Restore a backup")


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("script", "level"),
    [
        ("CREATE TABLE uploads (mine)", Level.ERROR),
        ("CREATE TABLE uploads (checksum, immich_asset_id, inserted_at)", Level.OK),
        (MIGRATIONS[0] + "PRAGMA user_version = 1", Level.OK),
    ],
    ids=["another program's", "the older immich-drop's", "an older version's"],
)
async def test_whose_database_it_is(tmp_path: Path, script: str, level: Level) -> None:
    """As the start would find it; but it is not changed."""
    state_db = tmp_path / "state.db"
    with closing(sqlite3.connect(state_db)) as database:
        database.executescript(script)
    before = state_db.read_bytes(), state_db.stat().st_mtime_ns
    (finding,) = about(await storage(state_db, tmp_path), "database")
    assert finding.level is level
    assert ("another program" in finding.advice) == (level is Level.ERROR)
    assert (state_db.read_bytes(), state_db.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [state_db]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody without rights")
@pytest.mark.gen_test
@pytest.mark.parametrize("mode", [0o600, 0o644])
async def test_a_database_of_another_user(mode: int) -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        state_db = Path(folder, "state.db")
        with closing(sqlite3.connect(state_db)) as database:
            migrate(database)
        state_db.chmod(mode)
        with as_nobody():
            (finding,) = about(await storage(state_db, Path(folder, "spool")), "database")
    assert finding.level is Level.ERROR
    assert f"chown -R {NOBODY} {state_db}" in finding.advice


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody without rights")
@pytest.mark.gen_test
async def test_a_folder_of_another_user() -> None:
    with TemporaryDirectory() as folder:
        data = Path(folder, "data")
        with as_nobody():
            (disk, *_) = await storage(data / "state.db", data / "spool")
    assert disk.level is Level.ERROR
    assert f"mkdir -p {data} && chown -R {NOBODY} {data}" in disk.advice


def test_the_table_lines_up() -> None:
    found = [
        Finding(level=Level.OK, about="disk", sentence="There is room."),
        Finding(level=Level.WARNING, about="account", sentence="An admin's.", advice="Make one."),
    ]
    assert table(found).splitlines() == [
        "ok       disk     There is room.",
        "warning  account  An admin's.",
        "                  -> Make one.",
    ]
    assert exit_code(found) == 0
    assert table([]) == ""


@pytest.mark.gen_test
async def test_a_spool_whose_disk_is_not_there(tmp_path: Path) -> None:
    async with running(tmp_path) as standin:
        db = Db(tmp_path / "data" / "state.db")
        db.open()
        made = await db.add(upload(state=State.FAILED))
        (tmp_path / "data" / "spool").mkdir()
        assert exit_code(await findings(tmp_path, standin)) == 0
        (tmp_path / "data" / "spool").rmdir()
        (missing,) = [
            each for each in about(await findings(tmp_path, standin), "disk") if each.advice
        ]
        assert (missing.level, "mounted" in missing.advice) == (Level.ERROR, True)
        await db.remove(made, also=noting("gone"))
        assert exit_code(await findings(tmp_path, standin)) == 0
        db.close()
