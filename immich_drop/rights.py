"""May the user that this process runs as use the database and the spool?"""

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from immich_drop.upload import is_id


def advice(state_db: Path, spool: Path) -> str:
    """Say what this user may not write to, and which command changes that; empty if all is well."""
    barred = dict.fromkeys(path.absolute() for path in _barred(state_db, spool))
    if not barred:
        return ""
    outermost = [path for path in barred if not barred.keys() & set(path.parents)]
    user, names = os.geteuid(), " ".join(shlex.quote(str(path)) for path in outermost)
    make = "" if all(map(_is_there, outermost)) else f"mkdir -p {names} && "
    return (
        f"It runs as user {user}, who may not write to {names}:"
        f" run it as another one, or `{make}chown -R {user} {names}`"
    )


def nearest(path: Path) -> Path:
    """Return a path, or if there is nothing, that of the folder it will be made in."""
    absolute = path.absolute()
    return next(each for each in (absolute, *absolute.parents) if _is_there(each))


def _barred(state_db: Path, spool: Path) -> Iterator[Path]:
    beside = [Path(f"{state_db}{suffix}") for suffix in ("", "-wal", "-shm", ".lock")]
    yield from (path for path in (state_db.parent, *beside, spool) if not _is_ours(path))
    with suppress(OSError):
        if not all(_is_ours(file) for file in spool.iterdir() if is_id(file.name)):
            yield spool


def _is_there(path: Path) -> bool:
    return os.access(path, os.F_OK, effective_ids=True)


def _is_ours(path: Path) -> bool:
    """Tell whether we may write to what is at a path, or make something there.

    On a disk that takes nothing from anybody it is not a matter of whose it is.
    """
    found = nearest(path)
    if os.statvfs(found).f_flag & os.ST_RDONLY:
        return True
    enter = os.X_OK if found.is_dir() else 0
    return os.access(found, os.R_OK | os.W_OK | enter, effective_ids=True)
