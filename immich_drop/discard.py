"""Deleting an upload: first its row, then its bytes.

A file without a row may be the only copy of a guest's photo: the database may have been lost, or
restored from an older backup. So a file is deleted only if the database says so: by the row, or by
a mark that is written when the row is deleted.
"""

from immich_drop.db import Db
from immich_drop.facts import Facts, noting
from immich_drop.spool import Spool
from immich_drop.upload import Upload

MARK = "discarded:"
"""Prefix of a fact: the row of this upload is deleted, its bytes may still be there."""


async def discard(upload: Upload, *, db: Db, spool: Spool) -> None:
    """Delete an upload. Raises Unavailable, and StateConflict if its state has changed."""
    mark = f"{MARK}{upload.id}"
    await db.remove(upload, also=noting(mark))
    await spool.delete(upload.id)
    await Facts(db).forget(mark)


async def discard_the_rest(*, db: Db, spool: Spool) -> None:
    """Finish deletions that were interrupted between row and bytes. Raises Unavailable."""
    facts = Facts(db)
    for mark in facts.keys(MARK):
        await spool.delete(mark.removeprefix(MARK))
        await facts.forget(mark)
