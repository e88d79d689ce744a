"""The one door to the disk: jobs run in threads, and their failures get a name.

On a slow disk write(2) blocks for seconds, and no phone may wait for another one's disk.
"""

import asyncio
import errno
import mmap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from immich_drop.errors import DiskFull, Unavailable

THREADS = 6

T = TypeVar("T")

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Disk:
    """A pool of threads for jobs on the disk."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="disk")

    def close(self) -> None:
        """Wait for what the threads are doing, and end them."""
        self._pool.shutdown()

    async def run(self, job: Callable[[], T]) -> T:
        """Do a job on the disk in a thread. Raises DiskFull, Unavailable.

        A thread cannot be stopped: whoever is cancelled leaves when it is done, so that no file is
        closed under its hands.
        """
        doing = asyncio.get_running_loop().run_in_executor(self._pool, job)
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.gather(doing, return_exceptions=True)
            raise
        except OSError as error:
            raise explain(error) from error


def pages(size: int) -> memoryview:
    """Return a buffer of whole pages, which take memory only where bytes have come.

    A bytearray starts 32 bytes into a page, and every copy into and out of it is the slower for it.
    """
    return memoryview(mmap.mmap(-1, max(1, size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


def explain(error: OSError) -> DiskFull | Unavailable:
    """Say what a failure means for a guest."""
    if error.errno in _NO_ROOM:
        return DiskFull(str(error))
    return Unavailable(str(error))
