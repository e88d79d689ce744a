"""A circuit breaker in front of Immich: while nothing gets through, one delivery at a time tries.

When Immich is down, or the key was revoked, two thousand uploads need not find out one by one. The
first one that does closes the gate; after a pause one is let through as a trial, and what comes of
it opens the gate or doubles the pause.

Immich may also answer and fail all the same, at each file. One file alone may be the cause of that,
but hardly several.
"""

import asyncio
import logging
import random
from collections.abc import Callable

from immich_drop.errors import ImmichFailed, ImmichFailing, ImmichHold

log = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds between two trials."""

SEVERAL = 5
"""Uploads in a row at which Immich fails until the gate is closed."""


class Gate:
    """Open, or closed for a reason."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self.reason: ImmichHold | None = None
        """Why nothing gets through; None while the gate is open."""
        self.pause = 0.0
        """Seconds from one trial to the next."""
        self._clock = clock
        self._failures: set[str] = set()
        self._closed_at = 0.0
        self._longest = 0.0
        self._trial_due = False
        self._trying = False
        self._timer: asyncio.TimerHandle | None = None
        self._wakeup = asyncio.Event()

    async def enter(self) -> None:
        """Return when a delivery may try; afterwards call one of the other methods."""
        while self.reason is not None and not self._trial_due:
            await self._wakeup.wait()
        self._trial_due, self._trying = False, self.reason is not None

    def hold(self, reason: ImmichHold) -> None:
        """Close the gate, or keep it closed for longer after a trial."""
        before, self.reason = self.reason, reason
        if before is None or before.code != reason.code:
            log.warning("deliveries wait: %s (%s)", reason.code, reason)
        if before is None:
            self._closed_at, self._longest = self._clock(), FIRST_PAUSE / 2
        elif not self._trying:
            return  # it was let in before the gate closed, and learned the same
        self._trying = False
        self._longest = min(LONGEST_PAUSE, self._longest * 2)
        self.pause = random.uniform(0.5, 1) * self._longest
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(self.pause, self._let_one_try)

    def fail(self, upload_id: str, error: ImmichFailed) -> None:
        """Note that Immich failed at an upload; close the gate if it did so at SEVERAL in a row."""
        if len(self._failures) < SEVERAL:
            self._failures.add(upload_id)
        if len(self._failures) < SEVERAL:
            self.answered()
        else:
            self.hold(ImmichFailing(str(error)))

    def answered(self) -> None:
        """Note that Immich answers, though it did not take the upload."""
        if isinstance(self.reason, ImmichFailing):
            self.inconclusive()
        else:
            self.open()

    def succeed(self) -> None:
        """Note that Immich has taken an upload."""
        self._failures.clear()
        self.open()

    def inconclusive(self) -> None:
        """End a trial that told nothing: the next one follows after another pause."""
        if self.reason is not None and self._trying:
            self.hold(self.reason)

    def open(self) -> None:
        """Let everyone through."""
        if self.reason is not None:
            log.info("deliveries go on after %.0f s", self._clock() - self._closed_at)
            self.reason = None
            self._trial_due = self._trying = False
            self._stop_timer()
            self._wake_all()

    def stop(self) -> None:
        """Start no more trials: the drop is stopping."""
        self._stop_timer()

    def _let_one_try(self) -> None:
        self._trial_due = True
        self._wake_all()

    def _wake_all(self) -> None:
        self._wakeup.set()
        self._wakeup = asyncio.Event()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
