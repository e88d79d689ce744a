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

OFTEN = 5
"""Deliveries that failed, after which the next one is not likely to do better by itself."""

MAX_LISTED = 20
"""Uploads that `status` names one by one, if it is not to name all."""


def status(db: Db, write: Callable[[str], object], *, all_: bool = False) -> int:
    """Say what is where, and name `all_` or the oldest uploads that need the host.

    The exit code is 1 when something does, or could not be delivered yet.
    """
    counts = db.count()
    write("  ".join(f"{state}: {counts[state]}" for state in State))
    now = datetime.now(UTC)
    most = None if all_ else MAX_LISTED
    waiting = _waiting(db)
    if since := db.since(State.RECEIVED):
        write(f"\nOn the way to Immich, the first since {_ago(now, since)}:")
        for (code, link), count in Counter((each.code, each.link) for each in waiting).items():
            where = LinkBook(db).title(link)
            write(f"  {count:5}  {code or 'in line'}{f' ({where})' if where else ''}")
    if needy := [upload for upload in waiting if _needs_host(upload)]:
        write("\nWaiting until you mend what the code says, or `purge ID` gives up:")
        _list(db, needy, most, now, write)
    failed = db.in_state(State.FAILED)
    if failed:
        size = _size(sum(upload.length or 0 for upload in failed))
        write(f"\nFailed, {size} kept until `retry` tries again or `purge ID` gives up:")
        _list(db, failed, most, now, write)
    return 1 if failed or any(upload.code for upload in waiting) else 0


async def retry(db: Db, words: Sequence[str]) -> int:
    """Send failed uploads on their way again; gives how many.

    `words` are ids, or codes; without any it is all that failed. Raises NotFound, StateConflict.
    """
    failed = db.in_state(State.FAILED)
    chosen = _choose(db, words, fit=failed, named=failed) if words else failed
    for upload in chosen:
        await db.retry(upload, now=datetime.now(UTC))
    return len(chosen)


async def purge(db: Db, spool: Spool, words: Sequence[str]) -> int:
    """Delete uploads that failed, or wait for a reason, rows and bytes; gives how many.

    `words` are ids, or codes, which stand for what `status` names with them; without any it is all
    that failed. Raises NotFound, StateConflict, and Unavailable when the spool is not there.
    """
    spool.free()
    failed = db.in_state(State.FAILED)
    waiting = [upload for upload in _waiting(db) if upload.code]
    named = [*failed, *filter(_needs_host, waiting)]
    chosen = _choose(db, words, fit=[*failed, *waiting], named=named) if words else failed
    for upload in chosen:
        await discard(upload, db=db, spool=spool)
    return len(chosen)


def export(ledger: Ledger, style: str) -> None:
    """Write the ledger to standard output: what came through here, and which asset it became."""
    rows = [(sha1.hex(), asset, at.isoformat(), link) for sha1, asset, at, link in ledger.entries()]
    names = ("sha1", "asset_id", "settled_at", "link")
    if style == "json":
        json.dump([dict(zip(names, row, strict=True)) for row in rows], sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        csv.writer(sys.stdout).writerows([names, *rows])


def _needs_host(upload: Upload) -> bool:
    return upload.code in STUCK or (upload.code is not None and upload.attempts >= OFTEN)


def _waiting(db: Db) -> list[Upload]:
    """Return what waits for Immich; all that came by a closed link with that as their reason.

    Only a few of those have tried, and learned it.
    """
    closed = db.waiting(LinkRevoked.code)
    return [
        replace(upload, code=LinkRevoked.code) if upload.link in closed else upload
        for upload in db.in_state(State.RECEIVED)
    ]


def _choose(
    db: Db, words: Sequence[str], *, fit: Sequence[Upload], named: Sequence[Upload]
) -> Sequence[Upload]:
    """Look up each upload that `words` mean, once: by its id, if it is fit, or by its code."""
    by_id = {upload.id: upload for upload in fit}
    chosen: dict[str, Upload] = {}
    for word in words:
        found = [by_id[word]] if word in by_id else [each for each in named if each.code == word]
        if not found:
            raise _nothing(word, db.get(word))
        chosen |= {upload.id: upload for upload in found}
    return list(chosen.values())


def _nothing(word: str, upload: Upload | None) -> NotFound | StateConflict:
    if upload is None:
        return NotFound(f"there is no upload {word}, and none that needs you has such a code")
    return StateConflict(f"{word} is {upload.state}: nothing is to be done about it")


def _list(
    db: Db,
    uploads: Sequence[Upload],
    most: int | None,
    now: datetime,
    write: Callable[[str], object],
) -> None:
    width = max(len(upload.code or "") for upload in uploads[:most])
    for upload in uploads[:most]:
        where = LinkBook(db).title(upload.link)
        write(f"  {_line(upload, now, width)}{f' ({where})' if where else ''}")
    if more := len(uploads) - len(uploads[:most]):
        write(f"  and {more} more: `status --all`")


def _line(upload: Upload, now: datetime, width: int) -> str:
    """Name an upload, and whose it is: that stays out of the log, but here the host is asking."""
    size, ago = _size(upload.length or 0), _ago(now, upload.updated_at)
    guest = f", from {upload.guest}" if upload.guest else ""
    code = upload.code or ""
    return f"{upload.id}  {size:>10}  {ago:>8}  {code:<{width}}  {upload.name}{guest}"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _ago(now: datetime, then: datetime) -> str:
    seconds = (now - then).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
