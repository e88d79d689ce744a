"""The least speed of a guest: a phone in a cellar has it, a connection only held open has not.

Only time spent waiting for the guest counts: for a slow disk of ours nobody is cut off.
"""

from collections.abc import Callable

LEAST = 512
"""Bytes a second over a whole window; the weakest link we know of brings ten times that."""


class Pace:
    """The speed of one body: has its sender been (all but) silent for `window` seconds?"""

    def __init__(self, *, window: float, clock: Callable[[], float]) -> None:
        self._window = window
        self._clock = clock
        self._since: float | None = None
        """When we began to wait for the bytes to come next; None while we are busy."""
        self._waited = 0.0
        self._came = 0

    def wait(self) -> None:
        """Note that from now on we wait for the guest."""
        self._since = self._clock()

    def arrived(self, count: int) -> None:
        """Note that `count` bytes came, and that we wait no longer."""
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
