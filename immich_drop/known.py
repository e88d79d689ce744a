"""Is this file here already? Then its checksum saves the transfer.

Whoever may ask learns whether the host has a file that they have themselves. So by default the
answer covers only what came through this drop, and by the same link; the host may widen it to the
whole library. In either case Immich decides: what was deleted there since is not known any more.
"""

from collections.abc import Sequence

from immich_drop.db import Db
from immich_drop.destination import Destinations
from immich_drop.errors import ImmichError
from immich_drop.immich import Immich
from immich_drop.ledger import Ledger
from immich_drop.limits import Rate
from immich_drop.upload import OWN

MAX_CHECKSUMS = 100
"""Checksums in one question at most."""


class Known:
    """Answers within a scope: `off`, `drop` or `library` (PRECHECK)."""

    def __init__(
        self, *, scope: str, db: Db, ledger: Ledger, destinations: Destinations, rate: Rate
    ) -> None:
        self._scope = scope
        self._db = db
        self._ledger = ledger
        self._destinations = destinations
        self._rate = rate

    async def among(self, checksums: Sequence[bytes], *, link: str, address: str) -> set[bytes]:
        """Tell which files need not be sent by a link. Raises RateLimited, Unavailable."""
        self._rate.spend(address, len(checksums))
        if self._scope == "off" or not checksums:
            return set()
        underway = self._db.underway(checksums, link=link)
        immich = self._destinations.of(link).immich
        try:
            # Our memory alone could be wrong, and then a photo would be lost: rather send it.
            if link != OWN:
                return underway | await self._in_album(immich, checksums, link)
            return underway | await self._in_library(immich, checksums)
        except ImmichError:
            return underway

    async def _in_library(self, immich: Immich, checksums: Sequence[bytes]) -> set[bytes]:
        if self._scope != "library":
            checksums = list(self._ledger.known(checksums, link=OWN))
        found = await immich.find(checksums) if checksums else {}
        return {checksum for checksum, asset in found.items() if not asset.trashed}

    async def _in_album(self, immich: Immich, checksums: Sequence[bytes], link: str) -> set[bytes]:
        """What lies elsewhere in the owner's library is not what the guests of a link share."""
        came = list(self._ledger.known(checksums, link=link))
        found = await immich.find(came) if came else {}
        return {sha1 for sha1, asset in found.items() if await immich.shows(asset.asset_id)}
