"""Rows at rest: uploads, and the door to the tables that others keep.

Writes go through `writer`. Reads are look-ups on a connection of their own, which in WAL mode never
wait for the writer, so they stay on the event loop.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from immich_drop import db_file
from immich_drop.errors import StateConflict, Unavailable
from immich_drop.migrations import migrate, see_current
from immich_drop.upload import SETTLED, State, Upload
from immich_drop.writer import T, Write, Writer


class Db:
    """The state of the drop. Open it before use; every write raises Unavailable when it fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._closing = ExitStack()
        self._writer: Writer
        self._reader: sqlite3.Connection

    def open(self) -> None:
        """Open or create the database, as the one drop that works with it.

        Raises Unavailable with the reason: used by another, not a database, newer, read-only.
        """
        with db_file.explained(self._path), ExitStack() as opened:
            opened.callback(os.close, db_file.claim(self._path))
            connection = opened.enter_context(closing(db_file.writable(self._path)))
            migrate(connection)
            self._reader = opened.enter_context(closing(db_file.readable(self._path)))
            self._writer = Writer(connection, self._path)
            opened.callback(self._writer.close)
            self._closing = opened.pop_all()

    def visit(self, *, writing: bool) -> None:
        """Open the database beside the drop, or while none runs, and leave its schema alone.

        Without `writing` its file is left as it is. Raises Unavailable with the reason.
        """
        with db_file.explained(self._path), ExitStack() as opened:
            db_file.require(self._path)
            open_ = db_file.readable if writing else db_file.read_only
            self._reader = opened.enter_context(closing(open_(self._path)))
            see_current(self._reader)
            if writing:
                self._writer = Writer(db_file.writable(self._path), self._path)
                opened.callback(self._writer.close)
            self._closing = opened.pop_all()

    def close(self) -> None:
        """Finish what is queued and close."""
        self._closing.close()

    # --- uploads

    def get(self, upload_id: str) -> Upload | None:
        """Look an upload up."""
        return self._one("SELECT * FROM uploads WHERE id = ?", upload_id)

    def find_item(self, session: str, item: str) -> Upload | None:
        """Look up what a session's page calls `item`."""
        return self._one("SELECT * FROM uploads WHERE session = ? AND item = ?", session, item)

    def of_session(self, session: str) -> list[Upload]:
        """Return every upload of a session, oldest first."""
        return self._many("SELECT * FROM uploads WHERE session = ? ORDER BY created_at", session)

    def count_of_session(self, session: str) -> int:
        """Count the uploads of a session."""
        return int(self.read("SELECT count(*) FROM uploads WHERE session = ?", session)[0][0])

    def in_state(self, state: State) -> list[Upload]:
        """Return every upload in a state, oldest first."""
        return self._many("SELECT * FROM uploads WHERE state = ? ORDER BY created_at", state)

    def unsettled(self) -> set[str]:
        """Return the ids of all uploads whose bytes are still needed: all as of one moment."""
        settled = ", ".join(f"'{state}'" for state in SETTLED)
        rows = self.read(f"SELECT id FROM uploads WHERE state NOT IN ({settled})")
        return {str(row[0]) for row in rows}

    def count(self) -> dict[State, int]:
        """Count the uploads by state."""
        rows = self.read("SELECT state, count(*) FROM uploads GROUP BY state")
        return dict.fromkeys(State, 0) | {State(state): count for state, count in rows}

    async def add(self, upload: Upload, *, also: Write[None] | None = None) -> Upload:
        """Add an upload; when its session already has the item, give that one instead.

        `also` runs in the same transaction: when it raises, the upload is not added.
        """
        columns, marks = ", ".join(_COLUMNS), ", ".join("?" * len(_COLUMNS))
        row = _to_row(upload)

        def write(connection: sqlite3.Connection) -> bool:
            cursor = connection.execute(
                f"INSERT INTO uploads ({columns}) VALUES ({marks})"
                " ON CONFLICT (session, item) DO NOTHING",
                row,
            )
            added = cursor.rowcount == 1
            if added and also is not None:
                also(connection)
            return added

        if await self.write(write):
            return upload
        existing = self.find_item(upload.session or "", upload.item or "")
        if existing is None:
            raise StateConflict("the item was created and deleted meanwhile")
        return existing

    async def move(
        self, upload: Upload, state: State, also: Write[None] | None = None, /, **changes: object
    ) -> Upload:
        """Move an upload to a state, with other columns: compare-and-set on its old state.

        `also` is written in the same transaction. Raises StateConflict when the table has no such
        move, or the row is not there any more.
        """
        if not upload.can_become(state):
            raise StateConflict(f"{upload.id}: {upload.state} -> {state}")
        return await self._update(upload, changes | {"state": state}, also)

    async def retry(self, upload: Upload, *, now: datetime) -> Upload:
        """Have a failed upload tried again, as if for the first time. Raises StateConflict."""
        if upload.state is not State.FAILED:
            raise StateConflict(f"{upload.id} is {upload.state}")
        return await self.move(
            upload, State.RECEIVED, retry_at=None, code=None, attempts=0, updated_at=now
        )

    async def change(
        self, upload: Upload, *, also: Write[None] | None = None, **changes: object
    ) -> Upload:
        """Change columns of an upload which stays in its state. Raises StateConflict."""
        return await self._update(upload, changes, also)

    async def remove(self, upload: Upload, *, also: Write[object]) -> None:
        """Forget an upload, if it is still in its state. Raises StateConflict.

        `also` is written in the same transaction.
        """

        def write(connection: sqlite3.Connection) -> None:
            cursor = connection.execute(
                "DELETE FROM uploads WHERE id = ? AND state = ?", (upload.id, upload.state)
            )
            if not cursor.rowcount:
                raise StateConflict(f"{upload.id} is not {upload.state} any more")
            also(connection)

        await self.write(write)

    async def prune(self, states: Iterable[State], *, before: datetime) -> None:
        """Forget uploads in these states that nothing has happened to since a moment."""
        those = ", ".join(f"'{state}'" for state in states)
        query = f"DELETE FROM uploads WHERE state IN ({those}) AND updated_at < ?"
        await self.write(lambda c: c.execute(query, (to_ms(before),)))

    def links_of(self, state: State) -> dict[str, str]:
        """Return the id and the link of every upload in a state, oldest first.

        Of thousands that wait the rows would take a tenth of a second.
        """
        query = "SELECT id, link FROM uploads WHERE state = ? ORDER BY created_at"
        return {str(upload_id): str(link) for upload_id, link in self.read(query, state)}

    def span(
        self, state: State, *, after: datetime, until: datetime
    ) -> tuple[datetime, datetime] | None:
        """Tell when the first and the last upload got into a state, of those that did meanwhile."""
        query = (
            "SELECT min(updated_at), max(updated_at) FROM uploads"
            " WHERE state = ? AND updated_at > ? AND updated_at <= ?"
        )
        ((first, last),) = self.read(query, state, to_ms(after), to_ms(until))
        return None if first is None else (from_ms(first), from_ms(last))

    def meanwhile(self, state: State, *, after: datetime, until: datetime) -> list[Upload]:
        """Return every upload that got into a state meanwhile, in the order they were created."""
        query = (
            "SELECT * FROM uploads WHERE state = ? AND updated_at > ? AND updated_at <= ?"
            " ORDER BY created_at"
        )
        return self._many(query, state, to_ms(after), to_ms(until))

    def waiting(self, code: str) -> dict[str, int]:
        """Count the received uploads of each link where some wait for a reason.

        Once one waits for it, all that came by its link count: the others would hear the same.
        """
        query = (
            "SELECT link, count(*) FROM uploads WHERE state = 'received'"
            " GROUP BY link HAVING sum(code IS ?)"
        )
        return {str(link): int(count) for link, count in self.read(query, code)}

    def since(self, state: State) -> datetime | None:
        """Tell since when an upload has been in a state, of the one that has been longest."""
        ((first,),) = self.read("SELECT min(updated_at) FROM uploads WHERE state = ?", state)
        return None if first is None else from_ms(first)

    def underway(self, checksums: Iterable[bytes], *, link: str) -> set[bytes]:
        """Tell which checksums came by a link, are received, and on their way to Immich."""
        query = "SELECT 1 FROM uploads WHERE checksum = ? AND link = ? AND state = 'received'"
        return {checksum for checksum in checksums if self.read(query, checksum, link)}

    def ping(self) -> None:
        """See that the database answers, and that the last write succeeded. Raises Unavailable."""
        self.read("SELECT 1")
        if self._writer.failing:
            raise Unavailable("database: the last write failed")

    # --- for the tables that others keep

    def read(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return all rows of a query. Raises Unavailable."""
        try:
            with closing(self._reader.execute(query, values)) as cursor:
                return cast(list[sqlite3.Row], cursor.fetchall())
        except sqlite3.Error as error:
            raise Unavailable(f"database: {error}") from error

    async def write(self, write: Write[T], *, durable: bool = False) -> T:
        """Do a write, see `Writer.write`."""
        return await self._writer.write(write, durable=durable)

    # --- below the surface

    def _one(self, query: str, *values: object) -> Upload | None:
        rows = self.read(query, *values)
        return _from_row(rows[0]) if rows else None

    def _many(self, query: str, *values: object) -> list[Upload]:
        return [_from_row(row) for row in self.read(query, *values)]

    async def _update(
        self, upload: Upload, changes: Mapping[str, object], also: Write[None] | None = None
    ) -> Upload:
        columns = ", ".join(f"{column} = ?" for column in changes)
        values = [to_column(value) for value in changes.values()]

        def write(connection: sqlite3.Connection) -> Upload:
            row = connection.execute(
                f"UPDATE uploads SET {columns} WHERE id = ? AND state = ? RETURNING *",
                (*values, upload.id, upload.state),
            ).fetchone()
            if row is None:
                raise StateConflict(f"{upload.id} is not {upload.state} any more")
            if also is not None:
                also(connection)
            return _from_row(row)

        return await self.write(write, durable="state" in changes)


def to_ms(moment: datetime) -> int:
    """Return a moment as a column has it: milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def from_ms(value: int) -> datetime:
    """Read a moment from a column."""
    return datetime.fromtimestamp(value / 1000, UTC)


def to_column(value: object) -> object:
    """Return a value as a column has it."""
    return to_ms(value) if isinstance(value, datetime) else value


_COLUMNS = tuple(field.name for field in fields(Upload))


def _to_row(upload: Upload) -> tuple[object, ...]:
    return tuple(to_column(getattr(upload, column)) for column in _COLUMNS)


_MOMENTS = {"last_modified", "retry_at", "created_at", "updated_at"}


def _from_row(row: sqlite3.Row) -> Upload:
    values = dict(row)
    for column in _MOMENTS:
        if values[column] is not None:
            values[column] = from_ms(values[column])
    values["state"] = State(values["state"])
    values["offered"] = bool(values["offered"])
    return Upload(**values)
