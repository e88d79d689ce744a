"""Limits on what one session or address may upload.

Each limit is checked in the transaction that adds to the table: fifty requests at once cannot
all find the last place free.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from immich_drop.db import to_ms
from immich_drop.errors import SessionFull, TooManyUploads, Unavailable
from immich_drop.upload import Upload
from immich_drop.writer import Write

PAUSE = 30
"""Retry-After, in seconds, when there are too many unfinished uploads."""

LOOKS = 1000
"""How many looks are remembered."""

LAPSE = timedelta(minutes=10)
"""An upload that is older and has no byte yet is not under way: it stays, and takes no place."""

MOST = 10
"""Unfinished uploads, with bytes or without, may be at most so many times the limit: even an empty
one costs a row."""

FRESH = timedelta(seconds=10)
"""For so long nobody looks again which of the older ones have bytes."""

_Whose = tuple[str, str, str | None]
"""session or address, a link, and which session or address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The limits; 0 means no limit."""

    open_uploads: int
    """Unfinished uploads of one link, per session and per address."""
    session_bytes: int
    """Bytes one session may upload in total; a deferred length counts once it is declared."""
    begun: Callable[[], set[str]] = set
    """Returns the ids of all uploads of which bytes are here. May raise Unavailable."""
    _looks: dict[_Whose, tuple[int, int]] = field(default_factory=dict)
    """Of a session or address of a link: up to which moment we looked, and how many had bytes."""

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
        for column in ("session", "address"):
            if self._under_way(connection, upload, column) > self.open_uploads:
                raise TooManyUploads(f"{self.open_uploads} unfinished", retry_after=PAUSE)

    def _under_way(self, connection: sqlite3.Connection, upload: Upload, column: str) -> int:
        """Count the unfinished uploads which have the upload's link, and its session or address.

        Who announces a thousand files and leaves must not keep a whole house out for days. What has
        bytes, only the disk knows: it is asked when the limit is reached, and not each time. If it
        does not answer, all count.
        """
        mine = f"FROM uploads WHERE state = 'receiving' AND link = ? AND {column} = ?"
        count = f"SELECT count(*) {mine} AND created_at >= ?"
        whose = (upload.link, getattr(upload, column))
        total = int(connection.execute(count, (*whose, 0)).fetchone()[0])
        if not self.open_uploads < total <= MOST * self.open_uploads:
            return total
        lapsed = to_ms(upload.created_at - LAPSE)
        seen, begun = self._looks.get((column, *whose), (0, 0))
        if not lapsed - FRESH.total_seconds() * 1000 <= seen <= lapsed:
            seen = lapsed
            older = connection.execute(f"SELECT id {mine} AND created_at < ?", (*whose, seen))
            try:
                begun = len(self.begun() & {row[0] for row in older})
            except Unavailable:
                return total
            self._remember((column, *whose), (seen, begun))
        return begun + int(connection.execute(count, (*whose, seen)).fetchone()[0])

    def _remember(self, key: _Whose, look: tuple[int, int]) -> None:
        if len(self._looks) >= LOOKS:
            self._looks.clear()
        self._looks[key] = look
