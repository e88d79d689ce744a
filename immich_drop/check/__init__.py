"""`python server.py --check`: would it work, and if not, what does the host have to do?

finding    one thing that was tried, and the table of all
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
    """Try everything a delivery needs, and change nothing.

    Without `api_key` only links are served; `shared_link` is the address of one to try. `min_free`
    is in bytes.
    """
    here = await asyncio.to_thread(storage, state_db, spool, min_free)
    there = server(
        base_url=base_url, api_key=api_key, album_name=album_name, shared_link=shared_link
    )
    return [*here, *[finding async for finding in there]]
