"""Disk space: reserved before an upload's bytes come, so that ten phones cannot overbook it.

A reservation lapses when its upload has been silent for a while: otherwise one guest who
announces 50 GB and leaves would keep everyone else out.
"""

from collections.abc import Callable
from dataclasses import dataclass

from immich_drop.errors import DiskFull

LAPSE = 600.0
"""Seconds of silence after which a reservation no longer counts."""

FRESH = 1.0
"""Seconds for which the free space, once read from the disk, is cached."""


@dataclass(slots=True)
class _Reservation:
    remaining: int
    touched: float


class Room:
    """How many bytes may still come in."""

    def __init__(
        self, *, free: Callable[[], int], min_free: int, clock: Callable[[], float]
    ) -> None:
        self._free = free
        self._min_free = min_free
        self._clock = clock
        self._reservations: dict[str, _Reservation] = {}
        self._seen = (float("-inf"), 0)

    def reserve(self, upload_id: str, remaining: int) -> None:
        """Reserve space for the rest of an upload. Raises DiskFull when there is too little."""
        now = self._clock()
        self.release(upload_id)
        for other, reservation in list(self._reservations.items()):
            if reservation.touched < now - LAPSE:
                del self._reservations[other]
        reserved = sum(each.remaining for each in self._reservations.values())
        free = self._free_space()
        if free - reserved - remaining < self._min_free:
            raise DiskFull(f"{free} bytes free, {reserved} reserved, {remaining} wanted")
        self._reservations[upload_id] = _Reservation(remaining, now)

    def take(self, upload_id: str, count: int) -> None:
        """Count arriving bytes against a reservation. Raises DiskFull when the disk ran low anyway.

        Others fill the disk too, and an upload of unknown length has no reservation.
        """
        self.note(upload_id, count)
        if self.low():
            raise DiskFull("below the minimum of free space")

    def note(self, upload_id: str, count: int) -> None:
        """Count bytes that were written against a reservation."""
        reservation = self._reservations.get(upload_id)
        if reservation is not None:
            reservation.remaining = max(0, reservation.remaining - count)
            reservation.touched = self._clock()

    def release(self, upload_id: str) -> None:
        """Forget a reservation."""
        self._reservations.pop(upload_id, None)

    def low(self) -> bool:
        """Tell whether nothing more can come in."""
        return self._free_space() < self._min_free

    def _free_space(self) -> int:
        seen, free = self._seen
        if self._clock() - seen >= FRESH:
            free = self._free()
            self._seen = (self._clock(), free)
        return free
