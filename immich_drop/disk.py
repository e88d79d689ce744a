"""The one door to the disk: jobs run in threads, and their failures get a name.

On a slow disk write(2) blocks for seconds, and no phone may wait for another one's disk.
"""

import asyncio
import errno
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from immich_drop.buffers import RECEIVERS
from immich_drop.errors import DiskFull, Unavailable
from immich_drop.tasks import in_thread

THREADS = RECEIVERS + 6
"""Who receives keeps a thread for a while; the others are for all the rest."""

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

        Whoever is cancelled leaves when it is done, so that no file is closed under its hands.
        """
        try:
            return await in_thread(job, self._pool)
        except OSError as error:
            raise explain(error) from error

    def begin(self, job: Callable[[], T]) -> Future[T]:
        """Begin a job in a thread while another thread goes on."""
        return self._pool.submit(job)

    def strand(self) -> "Strand":
        """Return a way to do jobs in an order."""
        return Strand(self._pool)


class Strand:
    """Jobs that follow one another, as on a strand of asio.

    A thread that is done with one takes the next by itself: it does not wait until the event loop
    has heard of the first.
    """

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._jobs = deque[Callable[[], None]]()
        self._lock = threading.Lock()
        self.busy = False
        """Whether there are jobs, in a thread or waiting for one."""

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Put a job behind those that were here before. Its outcome is as of `Disk.run`."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.put(partial(_do, job, future))
        return future

    def put(self, job: Callable[[], None]) -> None:
        """Put a job that never raises behind those that were here before, from any thread."""
        with self._lock:
            self._jobs.append(job)
            idle, self.busy = not self.busy, True
        if idle:
            self._pool.submit(self._work_off)

    async def settle(self) -> None:
        """Return when all jobs are done."""
        if self.busy:
            await self.run(lambda: None)

    def _work_off(self) -> None:
        while job := self._next():
            job()

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            self.busy = bool(self._jobs)
            return self._jobs.popleft() if self._jobs else None


def _do(job: Callable[[], T], future: asyncio.Future[T]) -> None:
    try:
        outcome = job()
    except OSError as error:
        report = partial(future.set_exception, explain(error))
    except Exception as error:  # noqa: BLE001 - the caller meets it, the thread goes on
        report = partial(future.set_exception, error)
    else:
        report = partial(future.set_result, outcome)
    future.get_loop().call_soon_threadsafe(_tell, future, report)


def _tell(future: asyncio.Future[T], report: Callable[[], None]) -> None:
    if not future.cancelled():
        report()


def claim(lock: int, what: Path) -> int:
    """Lock an open file until it is closed, and so make `what` ours; it is closed if that fails.

    Raises Unavailable, OSError.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if isinstance(error, BlockingIOError):
            raise Unavailable(f"another Immich Drop is using {what}") from None
        raise
    return lock


def explain(error: OSError) -> DiskFull | Unavailable:
    """Say what a failure means for a guest."""
    if error.errno in _NO_ROOM:
        return DiskFull(str(error))
    return Unavailable(str(error))
