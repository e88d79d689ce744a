"""Checks the disk and the database."""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from immich_drop.check.finding import Finding, error, ok
from immich_drop.migrations import MIGRATIONS

GIGABYTE = 1e9


def storage(state_db: Path, spool: Path, min_free: int) -> list[Finding]:
    """Check the folders and the database, without creating them."""
    folders = dict.fromkeys((_existing(state_db.parent), _existing(spool)))
    return [*map(_writable, folders), _room(_existing(spool), min_free), _database(state_db)]


def _existing(folder: Path) -> Path:
    """Return the folder, or if it does not exist, the one it will be created in."""
    absolute = folder.absolute()
    return next(each for each in (absolute, *absolute.parents) if each.is_dir())


def _writable(folder: Path) -> Finding:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as failure:
        return error(
            "disk",
            f"{folder} cannot be written: {failure.strerror}.",
            "Make the user that this program runs as its owner (chown).",
        )
    return ok("disk", f"{folder} can be written.")


def _room(folder: Path, min_free: int) -> Finding:
    free = shutil.disk_usage(folder).free
    room = f"{free / GIGABYTE:.1f} GB are free for uploads on their way"
    if free < min_free:
        return error(
            "disk",
            f"{room}, and below {min_free / GIGABYTE:.1f} GB no more uploads are taken.",
            "Make room, set SPOOL_DIR to a larger disk, or lower MIN_FREE_DISK.",
        )
    return ok("disk", f"{room}.")


def _database(path: Path) -> Finding:
    if not path.exists():
        return ok("database", f"{path} will be made.")
    try:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as failure:
        return error("database", f"{path}: {failure}.", "Set STATE_DB to another file.")
    if version > len(MIGRATIONS):
        return error("database", f"{path} is of a newer version.", "Update this program.")
    if state != "ok":
        return error("database", f"{path} is damaged: {state}.", "Restore a backup.")
    return ok("database", f"{path} is sound.")
