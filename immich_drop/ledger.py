"""Our record of the checksums of files we brought to Immich, for each drop separately.

It is a hint, never a proof: Immich is asked before a file is believed to be there.
"""

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from immich_drop.db import Db, from_ms, to_ms
from immich_drop.upload import State, Upload


class Ledger:
    """The checksums of all links, and of the host's own library."""

    def __init__(self, db: Db) -> None:
        self._db = db

    async def settle(self, upload: Upload, state: State, asset_id: str, now: datetime) -> Upload:
        """Give an upload its final state, and remember its checksum, in one transaction."""

        def remember(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO ledger VALUES (?, ?, ?, ?)"
                " ON CONFLICT (link, checksum) DO UPDATE SET asset_id = excluded.asset_id",
                (upload.link, upload.checksum, asset_id, to_ms(now)),
            )

        changes = {"asset_id": asset_id, "retry_at": None, "code": None, "updated_at": now}
        return await self._db.move(upload, state, remember, **changes)

    def known(self, checksums: Iterable[bytes], *, link: str) -> set[bytes]:
        """Tell which checksums came by a link and are in Immich, as far as we remember."""
        query = "SELECT 1 FROM ledger WHERE link = ? AND checksum = ?"
        return {checksum for checksum in checksums if self._db.read(query, link, checksum)}

    async def forget(self, checksum: bytes, *, link: str) -> None:
        """Delete a checksum that Immich does not have any more."""
        await self._db.write(
            lambda c: c.execute(
                "DELETE FROM ledger WHERE link = ? AND checksum = ?", (link, checksum)
            )
        )

    def entries(self) -> list[tuple[bytes, str, datetime, str]]:
        """Return every checksum with its asset, moment and link, oldest first."""
        rows = self._db.read(
            "SELECT checksum, asset_id, settled_at, link FROM ledger ORDER BY settled_at"
        )
        return [(bytes(c), str(a), from_ms(at), str(link)) for c, a, at, link in rows]
