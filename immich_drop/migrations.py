"""The schema of the database: an ordered list, and its length is the version.

A migration that was ever released is never changed; the next one goes below it.
"""

import sqlite3

from immich_drop import predecessor

MIGRATIONS = [
    """
    CREATE TABLE uploads (
        id TEXT PRIMARY KEY,
        session TEXT,
        item TEXT,
        address TEXT NOT NULL,
        name TEXT NOT NULL,
        metadata TEXT NOT NULL,
        length INTEGER,
        last_modified INTEGER,          -- moments are milliseconds since 1970, UTC
        declared BLOB,                  -- SHA-1 the client named
        proven INTEGER,                 -- offset before a chunk whose checksum is not compared yet
        checksum BLOB,                  -- SHA-1 we computed
        state TEXT NOT NULL,
        asset_id TEXT,
        attempts INTEGER NOT NULL,
        offered INTEGER NOT NULL,       -- 1: a delivery that failed had sent some of its bytes
        retry_at INTEGER,
        code TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        UNIQUE (session, item)
    );
    CREATE INDEX uploads_by_state ON uploads (state, updated_at);
    CREATE INDEX uploads_by_checksum ON uploads (checksum) WHERE checksum IS NOT NULL;
    CREATE TABLE ledger (
        checksum BLOB PRIMARY KEY,
        asset_id TEXT NOT NULL,
        settled_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE facts (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE uploads ADD COLUMN link TEXT NOT NULL DEFAULT '';  -- '' is the host's own library
    ALTER TABLE uploads ADD COLUMN guest TEXT;
    ALTER TABLE ledger RENAME TO ledger_of_one_library;
    CREATE TABLE ledger (
        link TEXT NOT NULL,
        checksum BLOB NOT NULL,
        asset_id TEXT NOT NULL,
        settled_at INTEGER NOT NULL,
        PRIMARY KEY (link, checksum)
    ) WITHOUT ROWID;
    INSERT INTO ledger SELECT '', * FROM ledger_of_one_library;
    DROP TABLE ledger_of_one_library;
    CREATE TABLE links (
        id TEXT PRIMARY KEY,            -- Immich's
        key TEXT NOT NULL,
        slug TEXT,
        title TEXT NOT NULL,
        message TEXT NOT NULL,
        expires_at INTEGER,
        album_id TEXT,
        allow_upload INTEGER NOT NULL,
        lock TEXT                       -- hash of its password, if it has one
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX links_by_key ON links (key);
    CREATE UNIQUE INDEX links_by_slug ON links (slug) WHERE slug IS NOT NULL;
    """,
]


class Newer(sqlite3.DatabaseError):
    """The database was written by a newer version of this program."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, in one transaction.

    Raises Newer, and sqlite3.DatabaseError when the database is not ours, or may not be written.
    """
    _migrate(connection, "COMMIT")


def rehearse(connection: sqlite3.Connection) -> None:
    """See whether `migrate` would succeed, and change nothing. Raises what it raises."""
    # Else a large one is written to, before that is undone.
    connection.execute("PRAGMA cache_spill=OFF")
    _migrate(connection, "ROLLBACK")


def see_current(connection: sqlite3.Connection) -> None:
    """See that the schema is the one we know. Raises sqlite3.DatabaseError, Newer."""
    if _version(connection) < len(MIGRATIONS):
        raise sqlite3.DatabaseError("written by an older version: start the drop, or restart it")


def _version(connection: sqlite3.Connection) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise Newer(
            f"written by a newer version (schema {version}, this program knows {len(MIGRATIONS)})"
        )
    return version


def _migrate(connection: sqlite3.Connection, end: str) -> None:
    version = _version(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        foreign = version == 0 and predecessor.set_aside(connection)
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        if foreign:
            predecessor.take_over(connection)
        # Always written: a file that may only be read has opened without complaint so far.
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except sqlite3.Error:
        connection.execute("ROLLBACK")
        raise
    connection.execute(end)
