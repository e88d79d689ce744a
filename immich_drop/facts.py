"""Facts: what has to survive a restart, and is no upload."""

from immich_drop.db import Db
from immich_drop.writer import Write


class Facts:
    """Short texts by their keys."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def recall(self, key: str) -> str | None:
        """Return a fact. Raises Unavailable."""
        rows = self._db.read("SELECT value FROM facts WHERE key = ?", key)
        return str(rows[0][0]) if rows else None

    def keys(self, start: str) -> list[str]:
        """Return the keys that begin so. Raises Unavailable."""
        rows = self._db.read("SELECT key FROM facts WHERE key GLOB ?", start + "*")
        return [str(row[0]) for row in rows]

    async def remember(self, key: str, value: str) -> None:
        """Keep a fact, in place of an older one. Raises Unavailable."""
        await self._db.write(noting(key, value))

    async def forget(self, key: str) -> None:
        """Drop a fact that no longer holds. Raises Unavailable."""
        await self._db.write(lambda c: c.execute("DELETE FROM facts WHERE key = ?", (key,)))


def noting(key: str, value: str = "") -> Write[object]:
    """Make the write that keeps a fact, for the transaction of another one."""
    return lambda c: c.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))
