"""What a host is told whose drop may not use its own folders."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from immich_drop import rights
from immich_drop.upload import new_id
from unit.make import NOBODY, as_nobody

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")


@pytest.fixture(name="home")
def fixture_home() -> Iterator[Path]:
    """A folder of root's, into which everybody may look."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def make(*paths: Path, owner: int) -> None:
    for path in paths:
        path.mkdir(0o700) if path.suffix == "" else path.touch(0o600)
        os.chown(path, owner, owner)


def advised(data: Path) -> str:
    with as_nobody():
        return rights.advice(data / "state.db", data / "spool")


def test_all_is_well(home: Path) -> None:
    data = home / "data"
    make(data, data / "state.db", data / "spool", data / "spool" / "photo.jpg", owner=NOBODY)
    make(data / "other.db", owner=0)
    assert advised(data) == ""


def test_what_is_not_there_yet_has_to_be_made(home: Path) -> None:
    data = home / "my data"
    assert f"`mkdir -p '{data}' && chown -R {NOBODY} '{data}'`" in advised(data)


def test_one_command_is_enough_for_a_folder_and_all_in_it(home: Path) -> None:
    data = home / "data"
    make(data, data / "state.db", data / "spool", owner=0)
    assert advised(data).endswith(f"`chown -R {NOBODY} {data}`")


@pytest.mark.parametrize("name", ["state.db", "state.db-wal", "state.db-shm", "state.db.lock"])
def test_a_file_of_the_database(home: Path, name: str) -> None:
    data = home / "data"
    make(data, data / "spool", owner=NOBODY)
    make(data / name, owner=0)
    said = advised(data)
    assert said.startswith(f"It runs as user {NOBODY}, ")
    assert said.endswith(f"`chown -R {NOBODY} {data / name}`")


def test_a_file_in_the_spool(home: Path) -> None:
    data = home / "data"
    make(data, data / "spool", owner=NOBODY)
    make(data / "spool" / "lost+found", owner=0)
    assert advised(data) == "", "as at the top of a disk"
    make(data / "spool" / f"{new_id()}", owner=0)
    assert advised(data).endswith(f"`chown -R {NOBODY} {data / 'spool'}`")


def test_where_one_may_not_even_look(home: Path) -> None:
    home.chmod(0o700)
    with as_nobody():
        assert rights.nearest(home / "data" / "spool") == home
    assert str(home / "data") in advised(home / "data")
