"""The health of the server, in short and without internals."""

import asyncio
from collections.abc import Callable

from immich_drop.db import Db
from immich_drop.destination import Destinations
from immich_drop.errors import Unavailable
from immich_drop.gate import Gate
from immich_drop.room import Room
from immich_drop.spool import Spool

FRESH = 1.0
"""Seconds for which nobody looks again at a spool that is well."""

PATIENCE = 5.0
"""Seconds after which a disk that does not answer is ill."""


class Health:
    """What `/readyz` says."""

    def __init__(
        self,
        *,
        db: Db,
        spool: Spool,
        room: Room,
        gate: Gate,
        destinations: Destinations,
        clock: Callable[[], float],
        patience: float = PATIENCE,
    ) -> None:
        self._db = db
        self._spool = spool
        self._room = room
        self._gate = gate
        self._destinations = destinations
        self._clock = clock
        self._patience = patience
        self._look: asyncio.Task[str] | None = None
        self._looked = 0.0
        self.latest: dict[str, str] = {}
        """The last report."""

    async def report(self) -> dict[str, str]:
        """Return `ok` or a code of `errors` for database, spool, disk, Immich and links."""
        report = {"database": "ok", "spool": await self._see_spool(), "disk": "ok", "immich": "ok"}
        try:
            self._db.ping()
        except Unavailable as error:
            report["database"] = error.code
        try:
            if report["spool"] == "ok" and self._room.low():
                report["disk"] = "disk_full"
        except Unavailable as error:
            report["spool"] = error.code
        if self._gate.reason is not None:
            report["immich"] = self._gate.reason.code
        report["links"] = next((reason.code for reason in self._destinations.holds()), "ok")
        self.latest = report
        return report

    async def _see_spool(self) -> str:
        """Look at the spool in a thread: a disk that hangs must not hold up the guests.

        All who ask meanwhile wait for the same look, so no more than one thread hangs with it.
        """
        look = self._look
        if look is None or not self._is_fresh(look):
            look = self._look = asyncio.create_task(asyncio.to_thread(self._probe))
            self._looked = self._clock()
        done, _ = await asyncio.wait([look], timeout=self._patience)
        return look.result() if done else Unavailable.code

    def _is_fresh(self, look: asyncio.Task[str]) -> bool:
        if not look.done():
            return True
        recent = self._clock() - self._looked < FRESH
        return recent and look.exception() is None and look.result() == "ok"

    def _probe(self) -> str:
        try:
            self._spool.probe()
        except (Unavailable, OSError):
            return Unavailable.code
        return "ok"
