"""The upgrade from the older immich-drop: takes over its checksums, reports its settings.

Its state.db has tables of the same name with other columns (`uploads` with the SHA-1 in hex and
Immich's asset id); they are renamed, never deleted.
"""

import sqlite3
from collections.abc import Mapping

_OBSOLETE = {
    "SESSION_SECRET": "is not needed any more.",
    "CHUNKED_UPLOADS_ENABLED": "is not needed: every upload is resumable.",
    "CHUNK_SIZE_MB": "is not needed: the page finds out what gets through.",
    "TIMEZONE": "is not needed: dates are kept in UTC.",
}

_ASIDE = "before_"
_TABLES = ("uploads", "upload_events", "invites")


def advise(env: Mapping[str, str | None], *, former: Mapping[str, str]) -> list[str]:
    """Say what became of the older program's settings that are still set.

    `former` maps the new name of a setting that was renamed to its old one.
    """
    renamed = {old: f"is called {new} now." for new, old in former.items()}
    return [f"{key} {advice}" for key, advice in (renamed | _OBSOLETE).items() if env.get(key)]


def set_aside(connection: sqlite3.Connection) -> bool:
    """Rename the older program's tables, if this is its database; return whether it is."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(uploads)")}
    if "immich_asset_id" not in columns:
        return False
    for table in _TABLES:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            connection.execute(f"ALTER TABLE {table} RENAME TO {_ASIDE}{table}")
    return True


def take_over(connection: sqlite3.Connection) -> None:
    """Copy to our ledger what the older program uploaded to Immich."""
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
