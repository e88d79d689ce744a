"""How often one address may ask for something."""

import math
from collections.abc import Callable

from immich_drop.errors import RateLimited

MINUTE = 60.0
"""Seconds in which a bucket fills up, and between two sweeps of those that are full."""


class Rate:
    """A token bucket for each key, which holds `per_minute` tokens and fills up within a minute."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float]) -> None:
        self._size = float(per_minute)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._swept = clock()

    def spend(self, key: str, count: int = 1) -> None:
        """Take `count` tokens, a full bucket at most; no limit when `per_minute` is 0.

        Raises RateLimited.
        """
        if not self._size:
            return
        count = min(count, int(self._size))
        now = self._clock()
        if now - self._swept >= MINUTE:
            self._sweep(now)
        tokens = self._tokens(key, now)
        if tokens < count:
            wait = (count - tokens) * MINUTE / self._size
            raise RateLimited(f"{key}: {self._size:.0f} a minute", retry_after=math.ceil(wait))
        self._buckets[key] = (tokens - count, now)

    def give_back(self, key: str) -> None:
        """Undo a `spend` of one token, for callers that count only failures."""
        if self._size:
            now = self._clock()
            self._buckets[key] = (min(self._size, self._tokens(key, now) + 1), now)

    def _tokens(self, key: str, now: float) -> float:
        tokens, since = self._buckets.get(key, (self._size, now))
        return min(self._size, tokens + (now - since) * self._size / MINUTE)

    def _sweep(self, now: float) -> None:
        full = [key for key in self._buckets if self._tokens(key, now) >= self._size]
        for key in full:
            del self._buckets[key]
        self._swept = now
