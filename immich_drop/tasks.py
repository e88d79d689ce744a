"""Work that outlives the request that started it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


async def in_thread(job: Callable[[], T], threads: Executor | None = None) -> T:
    """Do a job in a thread of the loop's own executor, or of another one.

    A thread cannot be stopped: whoever is cancelled, however often, leaves when the job is done.
    """
    doing = asyncio.get_running_loop().run_in_executor(threads, job)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        while not doing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([doing])
        raise
    finally:
        del doing  # what it raised leads to this frame: memory would wait for the collector


class Tasks:
    """Keeps tasks alive until they end, logs when one fails, and can wait for all."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def drain(self, grace: float) -> None:
        """Wait until all have ended, for `grace` seconds at most; then cancel the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        rest = list(self._tasks)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a task failed", exc_info=error)
