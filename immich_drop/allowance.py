"""Limits on what one session or address may upload.

Each limit is checked in the transaction that adds to the table: fifty requests at once cannot
all find the last place free.
"""

import sqlite3
from dataclasses import dataclass

from immich_drop.errors import SessionFull, TooManyUploads
from immich_drop.upload import Upload
from immich_drop.writer import Write

PAUSE = 30
"""Retry-After, in seconds, when there are too many unfinished uploads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The limits; 0 means no limit."""

    open_uploads: int
    """Unfinished uploads of one link, per session and per address."""
    session_bytes: int
    """Bytes one session may upload in total; a deferred length counts once it is declared."""

    def of(self, upload: Upload) -> Write[None]:
        """Make the check that runs after an upload was added, in the same transaction.

        It raises TooManyUploads and SessionFull.
        """
        full = self.bytes_of(upload)

        def check(connection: sqlite3.Connection) -> None:
            self._check_open(connection, upload)
            full(connection)

        return check

    def bytes_of(self, upload: Upload) -> Write[None]:
        """Make the check that runs after an upload's length was declared. It raises SessionFull."""

        def check(connection: sqlite3.Connection) -> None:
            if self.session_bytes and upload.session is not None:
                query = "SELECT coalesce(sum(length), 0) FROM uploads WHERE session = ?"
                brought = connection.execute(query, (upload.session,)).fetchone()[0]
                if brought > self.session_bytes:
                    raise SessionFull(f"{brought} of {self.session_bytes} bytes")

        return check

    def _check_open(self, connection: sqlite3.Connection, upload: Upload) -> None:
        if not self.open_uploads:
            return
        query = (
            "SELECT count(*) FILTER (WHERE session = ?), count(*) FILTER (WHERE address = ?)"
            " FROM uploads WHERE state = 'receiving' AND link = ?"
        )
        unfinished = max(
            connection.execute(query, (upload.session, upload.address, upload.link)).fetchone()
        )
        if unfinished > self.open_uploads:
            raise TooManyUploads(f"{self.open_uploads} unfinished", retry_after=PAUSE)
