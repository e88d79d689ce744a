"""Giving an upload up: first its row, then its bytes.

A file without a row may be the only copy of what a guest brought: the database was lost, or an
older one was put back. So a file is deleted only where a row, or a mark that outlives the row, says
so.
"""

from immich_drop.db import Db
from immich_drop.spool import Spool
from immich_drop.upload import Upload

MARK = "discarded:"
"""Start of a fact: this upload has no row any more, but may still have its bytes."""


async def discard(upload: Upload, *, db: Db, spool: Spool) -> None:
    """Delete an upload that is still in its state. Raises StateConflict, Unavailable."""
    mark = f"{MARK}{upload.id}"
    await db.remove(upload, mark=mark)
    await spool.delete(upload.id)
    await db.forget(mark)


async def discard_the_rest(*, db: Db, spool: Spool) -> None:
    """Delete the bytes of uploads that were given up when we died. Raises Unavailable."""
    for mark in db.facts(MARK):
        await spool.delete(mark.removeprefix(MARK))
        await db.forget(mark)
