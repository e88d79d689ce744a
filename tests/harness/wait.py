"""Waits for something that another process or another task will do."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 15.0
"""Seconds after which a wait has failed."""


def until(probe: Callable[[], T], what: str, *, timeout: float = PATIENCE) -> T:
    """Return the first truthy answer of `probe`; fail with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}; the last answer was {answer!r}")
        time.sleep(0.01)
    return answer


async def eventually(probe: Callable[[], T | None]) -> T:
    """Return the first truthy answer of `probe`, without blocking the event loop.

    Raises:
        TimeoutError: there was none within `PATIENCE` seconds.
    """
    async with asyncio.timeout(PATIENCE):
        while not (answer := probe()):
            await asyncio.sleep(0.002)
    return answer
