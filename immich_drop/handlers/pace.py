"""How slow a guest may be: a phone in a cellar, but nobody who only holds a connection open.

Counted is the time in which we wait for the guest: a slow disk of ours is not held against anyone.
"""

from collections.abc import Callable

LEAST = 512
"""Bytes a second over a whole window; the weakest link we know of brings ten times that."""


class Pace:
    """Of one body: tells when its sender was silent, or all but silent, for `window` seconds."""

    def __init__(self, *, window: float, clock: Callable[[], float]) -> None:
        self._window = window
        self._clock = clock
        self._since: float | None = None
        """When we began to wait for the bytes to come next; None while we are busy."""
        self._waited = 0.0
        self._came = 0

    def wait(self) -> None:
        """Note that it is the guest's turn."""
        self._since = self._clock()

    def come(self, count: int) -> None:
        """Note that bytes came, and that it is our turn."""
        self._waited += self._silence
        self._since = None
        self._came += count
        if self._came >= LEAST * self._window:
            self._waited, self._came = 0.0, 0

    @property
    def patience(self) -> float:
        """Seconds the guest has left for what it still owes; negative once it has run out."""
        return self._window - self._waited - self._silence

    @property
    def _silence(self) -> float:
        return self._clock() - self._since if self._since is not None else 0.0
