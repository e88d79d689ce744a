"""Checks the disk and the database."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from immich_drop import db_file, rights
from immich_drop.check.finding import Finding, error, ok
from immich_drop.db import Db
from immich_drop.errors import Unavailable
from immich_drop.migrations import Newer, rehearse

GIGABYTE = 1e9

_RESTORE = "Restore a backup, do not begin anew: nothing else knows the files in the spool."
_DISK = "Look after the disk: is it full, mounted to be read only, or failing?"
_CAUSES = {
    sqlite3.SQLITE_BUSY: "Another program has it locked: end that one.",
    sqlite3.SQLITE_CORRUPT: _RESTORE,
    sqlite3.SQLITE_NOTADB: _RESTORE,
    sqlite3.SQLITE_ERROR: "It is another program's: set STATE_DB to another file.",
}
"""By SQLite's error code; the last one is what it says of a table that is already there."""


def storage(state_db: Path, spool: Path, min_free: int) -> list[Finding]:
    """Check the folders and the database, without creating or changing them."""
    rightful = rights.advice(state_db, spool)
    folders = dict.fromkeys(map(rights.nearest, (state_db.parent, spool)))
    return [
        *(_writable(folder, rightful) for folder in folders),
        *_spool(state_db, spool),
        _room(rights.nearest(spool), min_free),
        _database(state_db, rightful),
    ]


def _writable(folder: Path, rightful: str) -> Finding:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as failure:
        sentence = f"{folder} cannot be written: {failure.strerror}."
        return error("disk", sentence, rightful or _DISK)
    return ok("disk", f"{folder} can be written.")


def _spool(state_db: Path, spool: Path) -> Iterator[Finding]:
    """Report a spool that is not there though files should be in it: the drop does not start."""
    db = Db(state_db)
    with suppress(Unavailable, OSError):
        if spool.exists():
            return
        db.visit(writing=False)
        with closing(db):
            if db.unsettled():
                sentence = f"{spool} is not there, but files of guests should be in it."
                yield error("disk", sentence, "Is its disk mounted, and SPOOL_DIR right?")


def _room(folder: Path, min_free: int) -> Finding:
    free = shutil.disk_usage(folder).free
    room = f"{free / GIGABYTE:.1f} GB are free for uploads on their way"
    if free < max(min_free, 1):
        return error(
            "disk",
            f"{room}, and below {min_free / GIGABYTE:.1f} GB no more uploads are taken.",
            "Make room, set SPOOL_DIR to a larger disk, or lower MIN_FREE_DISK.",
        )
    return ok("disk", f"{room}.")


def _database(path: Path, rightful: str) -> Finding:
    if not os.access(path, os.F_OK, effective_ids=True):
        return ok("database", f"{path} will be made.")
    try:
        with closing(db_file.existing(path)) as database:
            rehearse(database)
            (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except Newer:
        return error("database", f"{path} is of a newer version.", "Update this program.")
    except sqlite3.Error as failure:
        cause = failure.sqlite_errorcode & 0xFF  # without what it adds in the higher bits
        return error("database", f"{path}: {failure}.", _CAUSES.get(cause, rightful or _DISK))
    if state != "ok":
        return error("database", f"{path} is damaged: {state}.", _RESTORE)
    return ok("database", f"{path} is sound.")
