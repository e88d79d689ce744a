"""Asks at intervals whether Immich is up, so that `/readyz` knows even while nothing is sent."""

from collections.abc import Callable

from immich_drop.errors import (
    ImmichError,
    ImmichFailed,
    ImmichFailing,
    ImmichHold,
    ImmichPermission,
    ImmichQuota,
)
from immich_drop.gate import Gate
from immich_drop.immich import NOBODYS, Immich

_TOLD_BY_DELIVERIES = (ImmichFailing, ImmichPermission, ImmichQuota)
"""Reasons that a mere question does not find: what fails may be to store, or to join the album."""


class Pulse:
    """Opens and closes the gate by what Immich answers.

    `idle` tells whether no delivery waits, which would find out more.
    """

    def __init__(
        self, *, immich: Immich, gate: Gate, idle: Callable[[], bool], has_key: bool
    ) -> None:
        self._immich = immich
        self._gate = gate
        self._idle = idle
        self._has_key = has_key
        """Without a key only Immich's public API can be asked."""

    async def check(self) -> None:
        """Close the gate when Immich cannot be reached, and open it when it can again."""
        if self._is_for_deliveries():
            return
        try:
            if self._has_key:
                # Needs the permission to upload, whether or not the key may check in bulk.
                await self._immich.find([NOBODYS])
            else:
                await self._immich.version()
        except ImmichHold as reason:
            self._gate.hold(reason)
        except ImmichFailed as error:
            self._gate.hold(ImmichFailing(str(error)))
        except ImmichError:
            return  # it answers, though with an error: deliveries will find out
        else:
            # They may have found out meanwhile.
            if not self._is_for_deliveries():
                self._gate.open()

    def _is_for_deliveries(self) -> bool:
        return isinstance(self._gate.reason, _TOLD_BY_DELIVERIES) and not self._idle()
