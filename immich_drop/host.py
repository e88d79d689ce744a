"""The host's commands: what waits, why, and what to do about it. No admin page needed.

They work on the database beside the running drop, which notices within a minute.
"""

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from immich_drop.db import Db
from immich_drop.discard import discard
from immich_drop.errors import (
    ImmichInTrash,
    ImmichUnverified,
    LinkRevoked,
    NotFound,
    StateConflict,
)
from immich_drop.ledger import Ledger
from immich_drop.link import LinkBook
from immich_drop.spool import Spool
from immich_drop.upload import State, Upload

STUCK = frozenset({LinkRevoked.code, ImmichInTrash.code, ImmichUnverified.code})
"""Why an upload waits for something only the host can mend, in Immich."""

MAX_LISTED = 20
"""Uploads that `status` names one by one."""


def status(db: Db, write: Callable[[str], object]) -> int:
    """Say what is where; the exit code is 1 when something needs the host."""
    counts = db.count()
    write("  ".join(f"{state}: {counts[state]}" for state in State))
    now = datetime.now(UTC)
    waiting = _waiting(db)
    if since := db.since(State.RECEIVED):
        write(f"\nOn the way to Immich, the first since {_ago(now, since)}:")
        book = LinkBook(db)
        for (code, link), count in Counter((each.code, each.link) for each in waiting).items():
            known = book.get(link)
            write(f"  {count:5}  {code or 'in line'}{f' ({known.title})' if known else ''}")
    if stuck := [upload for upload in waiting if upload.code in STUCK]:
        write("\nWaiting until you mend it in Immich, or `purge ID` gives up:")
        _list(stuck, now, write)
    failed = db.in_state(State.FAILED)
    if failed:
        size = _size(sum(upload.length or 0 for upload in failed))
        write(f"\nFailed, {size} kept until `retry` tries again or `purge` gives up:")
        _list(failed, now, write)
    return 1 if failed or any(upload.code for upload in waiting) else 0


async def retry(db: Db, ids: Sequence[str]) -> int:
    """Send failed uploads on their way again: these, or all; gives how many."""
    uploads = _choose(db, ids, _is_failed)
    for upload in uploads:
        await db.retry(upload, now=datetime.now(UTC))
    return len(uploads)


async def purge(db: Db, spool: Spool, ids: Sequence[str]) -> int:
    """Delete failed uploads, rows and bytes: these, or all; gives how many.

    Named by its id, also one that waits for something only the host can mend.
    """
    stuck = {upload.id for upload in _waiting(db) if upload.code in STUCK}
    uploads = _choose(db, ids, lambda upload: _is_failed(upload) or upload.id in stuck)
    for upload in uploads:
        await discard(upload, db=db, spool=spool)
    return len(uploads)


def export(ledger: Ledger, style: str) -> None:
    """Write the ledger to standard output: what came through here, and which asset it became."""
    rows = [(sha1.hex(), asset, at.isoformat(), link) for sha1, asset, at, link in ledger.entries()]
    names = ("sha1", "asset_id", "settled_at", "link")
    if style == "json":
        json.dump([dict(zip(names, row, strict=True)) for row in rows], sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        csv.writer(sys.stdout).writerows([names, *rows])


def _is_failed(upload: Upload) -> bool:
    return upload.state is State.FAILED


def _waiting(db: Db) -> list[Upload]:
    """Return what waits for Immich; all that came by a closed link with that as their reason.

    Only a few of those have tried, and learned it.
    """
    closed = db.waiting(LinkRevoked.code)
    return [
        replace(upload, code=LinkRevoked.code) if upload.link in closed else upload
        for upload in db.in_state(State.RECEIVED)
    ]


def _choose(db: Db, ids: Sequence[str], fits: Callable[[Upload], bool]) -> list[Upload]:
    """Look up uploads, without ids all that failed. Raises NotFound, StateConflict."""
    if not ids:
        return db.in_state(State.FAILED)
    uploads = []
    for upload_id in ids:
        upload = db.get(upload_id)
        if upload is None:
            raise NotFound(f"there is no upload {upload_id}")
        if not fits(upload):
            raise StateConflict(f"{upload_id} is {upload.state}, not failed")
        uploads.append(upload)
    return uploads


def _list(uploads: Sequence[Upload], now: datetime, write: Callable[[str], object]) -> None:
    for upload in uploads[:MAX_LISTED]:
        write(f"  {_line(upload, now)}")
    if len(uploads) > MAX_LISTED:
        write(f"  and {len(uploads) - MAX_LISTED} more")


def _line(upload: Upload, now: datetime) -> str:
    size = _size(upload.length or 0)
    return f"{upload.id}  {size:>10}  {_ago(now, upload.updated_at):>8}  {upload.code}"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _ago(now: datetime, then: datetime) -> str:
    seconds = (now - then).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
