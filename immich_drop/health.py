"""The health of the server, in short and without internals."""

from immich_drop.db import Db
from immich_drop.destination import Destinations
from immich_drop.errors import Unavailable
from immich_drop.gate import Gate
from immich_drop.room import Room
from immich_drop.spool import Spool


class Health:
    """What `/readyz` says."""

    def __init__(
        self, *, db: Db, spool: Spool, room: Room, gate: Gate, destinations: Destinations
    ) -> None:
        self._db = db
        self._spool = spool
        self._room = room
        self._gate = gate
        self._destinations = destinations

    def report(self) -> dict[str, str]:
        """Return `ok` or a code of `errors` for database, spool, disk, Immich and links."""
        report = {"database": "ok", "spool": "ok", "disk": "ok", "immich": "ok"}
        try:
            self._db.ping()
        except Unavailable as error:
            report["database"] = error.code
        try:
            self._spool.probe()
            report["disk"] = "disk_full" if self._room.low() else "ok"
        except (Unavailable, OSError):
            report["spool"] = Unavailable.code
        if self._gate.reason is not None:
            report["immich"] = self._gate.reason.code
        report["links"] = next((reason.code for reason in self._destinations.holds()), "ok")
        return report
