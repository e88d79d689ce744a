"""Things the tests of modules start from."""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.wait import eventually

from immich_drop.allowance import Allowance
from immich_drop.db import Db
from immich_drop.upload import OWN, Upload

START = datetime(2026, 7, 4, 20, 15, 30, tzinfo=UTC)

UNLIMITED = Allowance(open_uploads=0, session_bytes=0)


NOBODY = 65534


class Clock:
    """Time that passes only when told to: seconds as `clock()`, a moment as `now()`."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.set_by = 0.0
        """What was put on the clock on the wall without passing."""

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds + self.set_by)

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds

    def jump(self, seconds: float) -> None:
        self.set_by += seconds


def upload(**changes: object) -> Upload:
    """Make an upload that was just created; `changes` are fields that matter to the test."""
    fields: dict[str, object] = {
        "id": secrets.token_urlsafe(16),
        "session": None,
        "item": None,
        "address": "192.0.2.1",
        "name": "photo.jpg",
        "metadata": "filename cGhvdG8uanBn",
        "length": 5,
        "last_modified": None,
        "declared": None,
        "created_at": START,
        "updated_at": START,
        "link": OWN,
        "guest": None,
    }
    return Upload(**(fields | changes))  # type: ignore[arg-type]


def sha1(data: bytes) -> bytes:
    return hashlib.sha1(data).digest()


@contextmanager
def opened(path: Path) -> Iterator[Db]:
    """Open a database and close it in the end."""
    db = Db(path)
    db.open()
    try:
        yield db
    finally:
        db.close()


@contextmanager
def visited(path: Path, *, writing: bool = False) -> Iterator[Db]:
    """Open a database as the host's commands do, and close it in the end."""
    db = Db(path)
    db.visit(writing=writing)
    try:
        yield db
    finally:
        db.close()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Have no more rights than anybody has; only root can do that."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


async def row_when(db: Db, upload_id: str, wanted: Callable[[Upload], bool]) -> Upload:
    """Return an upload's row as soon as it is as wanted."""

    def look() -> Upload | None:
        row = db.get(upload_id)
        assert row is not None
        return row if wanted(row) else None

    return await eventually(look)
