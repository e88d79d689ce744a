"""`python server.py --check`: whether the setup works, and if not, what the host has to do.

finding    the result of one check, and the table of all results
storage    the disk and the database
server     Immich: its address, version, key, account and album
link       a shared link
"""

import asyncio
from pathlib import Path

from immich_drop.check.finding import Finding, Level, exit_code, table
from immich_drop.check.server import server
from immich_drop.check.storage import storage

__all__ = ["Finding", "Level", "check", "exit_code", "table"]


async def check(
    *,
    base_url: str,
    api_key: str,
    album_name: str,
    state_db: Path,
    spool: Path,
    min_free: int,
    shared_link: str = "",
) -> list[Finding]:
    """Check everything that a delivery needs, without changing anything.

    Without `api_key` the drop only serves shared links; `shared_link` is the address of one to
    try. `min_free` is in bytes.
    """
    here = await asyncio.to_thread(storage, state_db, spool, min_free)
    there = server(
        base_url=base_url, api_key=api_key, album_name=album_name, shared_link=shared_link
    )
    return [*here, *[finding async for finding in there]]
