"""Periodic work, for as long as the server runs."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from immich_drop.errors import DropError
from immich_drop.metrics import Metrics

log = logging.getLogger(__name__)

TICK = 0.1
"""Seconds between two measurements of the event loop's lag."""
FADE = 0.995
"""The factor by which the worst lag decays at each tick: to half in about 14 seconds."""


async def every(seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `work` now, and again `seconds` after each run has ended."""
    while True:
        try:
            await work()
        except Exception as error:  # the top of a worker, which has to go on
            known = isinstance(error, DropError)
            log.warning("%s", error, exc_info=None if known else error)
        await asyncio.sleep(seconds)


async def watch_loop(metrics: Metrics) -> None:
    """Measure how late the event loop runs what is due: while it is blocked, everybody waits."""
    loop = asyncio.get_running_loop()
    worst = 0.0
    while True:
        before = loop.time()
        await asyncio.sleep(TICK)
        worst = max(worst * FADE, loop.time() - before - TICK)
        metrics.loop_lag.set(worst)
