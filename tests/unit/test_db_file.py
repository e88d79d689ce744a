"""The file of the database: one drop has it, and whoever only reads leaves it alone."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from immich_drop import db_file
from immich_drop.errors import Unavailable
from unit.make import as_nobody, opened

CLAIMS = """
import sys
from pathlib import Path
from immich_drop.db_file import claim
claim(Path(sys.argv[1]))
print("claimed", flush=True)
sys.stdin.read()
"""


def test_a_claim_ends_with_its_process_however_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "data" / "state.db"
    with subprocess.Popen(
        [sys.executable, "-c", CLAIMS, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "claimed\n"
        with pytest.raises(Unavailable, match=f"another Immich Drop is using {path}"):
            db_file.claim(path)
        other.send_signal(signal.SIGKILL)
        other.wait()
        os.close(db_file.claim(path))


def test_a_claim_is_none_of_sqlites_locks(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with opened(path), closing(sqlite3.connect(path)) as other:
        os.close(os.open(f"{path}.lock", os.O_RDONLY))
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO facts VALUES ('a', '1')")
        other.execute("COMMIT")
        with pytest.raises(Unavailable):
            db_file.claim(path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody without rights")
def test_to_read_takes_no_right_to_write_and_no_room() -> None:
    """Where nothing more can be made in the folder, as on a full disk."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "state.db")
        with opened(path):
            pass
        path.chmod(0o644)
        Path(folder).chmod(0o755)
        with as_nobody(), closing(db_file.read_only(path)) as connection:
            assert connection.execute("SELECT count(*) FROM uploads").fetchone()[0] == 0


def test_who_reads_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "a folder? 100 % #1" / "state.db"
    with opened(path):
        for open_ in (db_file.readable, db_file.read_only):
            with closing(open_(path)) as connection, pytest.raises(sqlite3.OperationalError):
                connection.execute("DELETE FROM facts")
    assert [each.name for each in path.parent.iterdir()] == ["state.db", "state.db.lock"]
