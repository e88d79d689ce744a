"""Bytes on their way from a socket to a file, in the hands of a thread."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from immich_drop.buffers import Ring


@dataclass(frozen=True, slots=True, kw_only=True)
class Inflow:
    """What a thread is to take from a socket."""

    ring: Ring
    ahead: int
    """Bytes that are in the ring already."""
    rest: int
    """Bytes that may still come."""
    pull: Callable[[memoryview], int]
    """Receives bytes into a space and returns how many; fewer than fit when it is over."""

    @property
    def size(self) -> int:
        """Bytes in all, if all come."""
        return self.ahead + self.rest

    def of_at_most(self, rest: int) -> "Inflow":
        """Return one that ends earlier."""
        return replace(self, rest=min(self.rest, rest))
