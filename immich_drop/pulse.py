"""Is Immich there? Asked at intervals, so that `/readyz` knows even while nothing is delivered."""

from immich_drop.errors import ImmichError, ImmichHold, ImmichQuota
from immich_drop.gate import Gate
from immich_drop.immich import NOBODYS, Immich


class Pulse:
    """Asks Immich, and opens or closes the gate."""

    def __init__(self, *, immich: Immich, gate: Gate, has_key: bool) -> None:
        self._immich = immich
        self._gate = gate
        self._has_key = has_key
        """Without a key we can only ask what Immich tells anyone."""

    async def check(self) -> None:
        """Close the gate when Immich cannot be reached, and open it when it can again."""
        if isinstance(self._gate.reason, ImmichQuota):
            return  # only a delivery finds out whether there is room again
        try:
            if self._has_key:
                # Needs what a delivery needs, also where only the bulk check is closed to the key.
                await self._immich.find([NOBODYS])
            else:
                await self._immich.version()
        except ImmichHold as reason:
            self._gate.hold(reason)
        except ImmichError:
            return  # it answers, if badly: the deliveries will see
        else:
            self._gate.open()
