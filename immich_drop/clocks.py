"""What is done at intervals for as long as the drop runs."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from immich_drop.errors import DropError
from immich_drop.metrics import Metrics

log = logging.getLogger(__name__)

TICK = 0.1
"""Seconds between two looks at the loop."""
FADE = 0.995
"""What is left of the worst lag after each tick: half of it in about 14 seconds."""


async def every(seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do some work now, and again `seconds` after each time it ends."""
    while True:
        try:
            await work()
        except Exception as error:  # the top of a worker: its clock goes on
            known = isinstance(error, DropError)
            log.warning("%s", error, exc_info=None if known else error)
        await asyncio.sleep(seconds)


async def watch_loop(metrics: Metrics) -> None:
    """Measure how late the event loop is: everything waits for it."""
    loop = asyncio.get_running_loop()
    worst = 0.0
    while True:
        before = loop.time()
        await asyncio.sleep(TICK)
        worst = max(worst * FADE, loop.time() - before - TICK)
        metrics.loop_lag.set(worst)
