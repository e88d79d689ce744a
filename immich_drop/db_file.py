"""The file of the database: whose it is, and the ways to open it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from immich_drop import disk
from immich_drop.errors import Unavailable

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that has the database locked."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise Unavailable, with the reason, for what SQLite or the disk do not do."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(f"{path}: {error}") from error


def claim(path: Path) -> int:
    """Make a database ours until the descriptor is closed, or we end, however we end.

    Two drops with one database would take each other's files for lost. The lock is on a file
    beside it: to close any descriptor of the database itself would undo SQLite's own locks. Their
    folder is made if there is none. Raises Unavailable, OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC
    return disk.claim(os.open(f"{path.resolve()}.lock", flags, 0o600), path)


def require(path: Path) -> None:
    """Raise Unavailable where no drop has run: an empty database made here would look like one."""
    if not path.is_file() or not path.stat().st_size:
        raise Unavailable(
            f"there is no database {path.absolute()}: start the drop once first,"
            " or is this the wrong folder?"
        )


def writable(path: Path) -> sqlite3.Connection:
    """Open a database to write to it, and make it if there is none. Raises sqlite3.Error."""
    connection = _connect(path, "mode=rwc")
    connection.execute("PRAGMA journal_mode=WAL")
    return connection


def existing(path: Path) -> sqlite3.Connection:
    """Open a database that is there. Raises sqlite3.Error."""
    return _connect(path, "mode=rw")


def readable(path: Path) -> sqlite3.Connection:
    """Open a database that is there, to read what others write. Raises sqlite3.Error."""
    connection = existing(path)
    connection.execute("PRAGMA query_only=1")
    return connection


def read_only(path: Path) -> sqlite3.Connection:
    """Open a database that is there, and leave the file as it is. Raises sqlite3.Error.

    To read one that nobody has open SQLite would make two files beside it, for which the disk may
    have no room; but then all is in the database itself, and they are not needed.
    """
    return _connect(path, "mode=ro" if _has_log(path) else "mode=ro&immutable=1")


def _has_log(path: Path) -> bool:
    """Tell whether there is more than what is in the database itself (SQLite, WAL mode)."""
    try:
        return Path(f"{path.resolve()}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _connect(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    # Thousands of uploads that wait are sorted in a file elsewhere, where a root that is
    # read-only, or full, has no place for it: the drop would not even start.
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection
