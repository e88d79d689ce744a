"""Asks at intervals whether Immich is up, so that `/readyz` knows even while nothing is sent."""

from immich_drop.errors import ImmichError, ImmichHold, ImmichQuota
from immich_drop.gate import Gate
from immich_drop.immich import NOBODYS, Immich


class Pulse:
    """Opens and closes the gate by what Immich answers."""

    def __init__(self, *, immich: Immich, gate: Gate, has_key: bool) -> None:
        self._immich = immich
        self._gate = gate
        self._has_key = has_key
        """Without a key only Immich's public API can be asked."""

    async def check(self) -> None:
        """Close the gate when Immich cannot be reached, and open it when it can again."""
        if isinstance(self._gate.reason, ImmichQuota):
            return  # only a delivery finds out whether there is room again
        try:
            if self._has_key:
                # Needs the permissions of a delivery, whether or not the key may check in bulk.
                await self._immich.find([NOBODYS])
            else:
                await self._immich.version()
        except ImmichHold as reason:
            self._gate.hold(reason)
        except ImmichError:
            return  # it answers, though with an error: deliveries will find out
        else:
            self._gate.open()
