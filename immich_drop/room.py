"""Disk space: reserved before an upload's bytes come, so that ten phones cannot overbook it.

To announce a file costs nothing. So what was announced counts for a minute, and only against files
that are no smaller: who announces 50 GB keeps no photo out. With its first byte a file is reserved
against all others, until it has been silent for a while.
"""

from collections.abc import Callable
from dataclasses import dataclass

from immich_drop.errors import DiskFull

LAPSE = 600.0
"""Seconds of silence after which a reservation no longer counts."""

BEGIN = 60.0
"""Seconds in which the first byte of what was announced has to come."""

FRESH = 1.0
"""Seconds for which the free space, once read from the disk, is cached."""


@dataclass(slots=True)
class _Reservation:
    remaining: int
    announced: float
    touched: float
    begun: bool = False
    """Whether bytes came."""


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
        """Reserve space for the rest of an upload. Raises DiskFull when there is too little.

        Asking again does not extend the minute for which an announcement counts; who is refused
        has no reservation any more.
        """
        now = self._clock()
        before = self._reservations.pop(upload_id, None)
        for other, reservation in list(self._reservations.items()):
            if reservation.touched < now - LAPSE:
                del self._reservations[other]
        if before is None:
            self._require(remaining, besides=self._begun() + self._announced(remaining))
            self._reservations[upload_id] = _Reservation(remaining, now, now)
        else:
            self._require(remaining, besides=self._begun())
            before.remaining, before.touched = remaining, now
            self._reservations[upload_id] = before

    def take(self, upload_id: str, count: int) -> None:
        """Count arriving bytes against a reservation. Raises DiskFull when the disk ran low anyway.

        Others fill the disk too, and an upload of unknown length has no reservation. The first
        bytes make of an announcement a reservation, if those of others have left room for it.
        """
        reservation = self._reservations.get(upload_id)
        if reservation is not None and not reservation.begun:
            self._require(reservation.remaining, besides=self._begun())
            reservation.begun = True
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
        return self._free_space() < max(self._min_free, 1)

    def _require(self, wanted: int, *, besides: int) -> None:
        free = self._free_space()
        if free - besides - wanted < self._min_free:
            raise DiskFull(f"{free} bytes free, {besides} reserved, {wanted} wanted")

    def _begun(self) -> int:
        """Return the bytes that are to come of uploads which have begun."""
        return sum(each.remaining for each in self._reservations.values() if each.begun)

    def _announced(self, wanted: int) -> int:
        """Return the bytes that were lately announced for files no larger than the one `wanted`."""
        since = self._clock() - BEGIN
        return sum(
            each.remaining
            for each in self._reservations.values()
            if not each.begun and each.announced >= since and each.remaining <= wanted
        )

    def _free_space(self) -> int:
        seen, free = self._seen
        if self._clock() - seen >= FRESH:
            free = self._free()
            self._seen = (self._clock(), free)
        return free
