"""The upgrade from the older immich-drop: takes over its checksums, reports its settings.

Its state.db has tables of the same name with other columns (`uploads` with the SHA-1 in hex and
Immich's asset id); they are renamed, never deleted.
"""

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence

log = logging.getLogger(__name__)

_OBSOLETE = {
    "SESSION_SECRET": "is not needed any more.",
    "CHUNKED_UPLOADS_ENABLED": "is not needed: every upload is resumable.",
    "CHUNK_SIZE_MB": "is not needed: the page finds out what gets through.",
    "TIMEZONE": "is not needed: dates are kept in UTC.",
}

_PAGE = "PUBLIC_UPLOAD_PAGE_ENABLED"
"""Was off where it was not set."""

_MORE = {"PUBLIC_BASE_URL": " It also says which host name is ours: any other gets a 400."}

_ASIDE = "before_"
_TABLES = ("uploads", "upload_events", "invites")
_TABLE = "SELECT 1 FROM sqlite_master WHERE name = ?"


def advise(env: Mapping[str, str | None], *, former: Mapping[str, str]) -> list[str]:
    """Say what became of the older program's settings that are still set.

    `former` maps the new name of a setting that was renamed to its old one.
    """
    names = {old: new for new, old in former.items()}
    renamed = {old: f"is called {new} now.{_MORE.get(old, '')}" for old, new in names.items()}
    advices = [f"{key} {advice}" for key, advice in (renamed | _OBSOLETE).items() if env.get(key)]
    page = names[_PAGE]
    if advices and not env.get(_PAGE) and not env.get(page):
        advices.append(
            f"{_PAGE} is not set, which meant off; {page} is on, except for an old state.db:"
            f" write {page}=on or {page}=off."
        )
    return advices


def set_aside(connection: sqlite3.Connection) -> bool:
    """Rename the older program's tables, if this is its database; return whether it is."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(uploads)")}
    if "immich_asset_id" not in columns:
        return False
    for table in _TABLES:
        if _has(connection, table):
            connection.execute(f"ALTER TABLE {table} RENAME TO {_ASIDE}{table}")
    return True


def was_here(read: Callable[[str, str], Sequence[object]]) -> bool:
    """Tell whether the database was once the older program's; `read` does a query with a value."""
    return bool(read(_TABLE, f"{_ASIDE}uploads"))


def take_over(connection: sqlite3.Connection) -> None:
    """Copy to our ledger what the older program uploaded to Immich; say what ends with it."""
    rows = connection.execute(
        f"SELECT checksum, immich_asset_id, inserted_at FROM {_ASIDE}uploads"
        " WHERE length(checksum) = 40 AND checksum NOT GLOB '*[^0-9a-fA-F]*'"
        " AND immich_asset_id IS NOT NULL"
    )
    for checksum, asset_id, moment in rows.fetchall():
        connection.execute(
            "INSERT OR IGNORE INTO ledger VALUES ('', ?, ?, 1000 * coalesce(unixepoch(?), 0))",
            (bytes.fromhex(checksum), asset_id, moment),
        )
    invites = f"{_ASIDE}invites"
    if not _has(connection, invites):
        return
    if count := connection.execute(f"SELECT count(*) FROM {invites}").fetchone()[0]:
        log.warning(
            "Links to /invite/... do not work any more, and there are %d: share albums in Immich"
            " instead, see docs/links.md",
            count,
        )


def _has(connection: sqlite3.Connection, table: str) -> bool:
    return bool(connection.execute(_TABLE, (table,)).fetchone())
