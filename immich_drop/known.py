"""Is this file here already? If so, the guest's page need not send it.

The answer tells a guest whether the host has a file that the guest has too. So by default it covers
only what was uploaded through this drop, by the same link; for the drop at `/` the host may extend
it to the whole library. Immich is asked in either case: a file deleted there since does not count.

What is not sent joins no album. So where the drop has one, the library does not count.
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
"""The most checksums in one request."""


class Known:
    """Answers within a scope: `off`, `drop` or `library` (PRECHECK)."""

    def __init__(
        self,
        *,
        scope: str,
        has_album: bool,
        db: Db,
        ledger: Ledger,
        destinations: Destinations,
        rate: Rate,
    ) -> None:
        self._scope = "drop" if has_album and scope == "library" else scope
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
            # The ledger may be out of date; if it alone decided, a photo could be lost.
            if link != OWN:
                return underway | await self._in_album(immich, checksums, link)
            return underway | await self._in_library(immich, checksums)
        except ImmichError:
            return underway

    async def _in_library(self, immich: Immich, checksums: Sequence[bytes]) -> set[bytes]:
        came = self._ledger.known(checksums, link=OWN)
        asked = checksums if self._scope == "library" else list(came)
        found = await immich.find(asked) if asked else {}
        # Where we are not told, it may lie in the trash.
        live = {sha1: asset for sha1, asset in found.items() if asset.trashed is False}
        if live.keys() <= came or not await immich.may_keep_orphans():
            return set(live)
        return {
            sha1
            for sha1, asset in live.items()
            if sha1 in came or await immich.proves(asset.asset_id, checksum=sha1)
        }

    async def _in_album(self, immich: Immich, checksums: Sequence[bytes], link: str) -> set[bytes]:
        """Find what the link shows: its guests do not see the rest of the owner's library."""
        came = list(self._ledger.known(checksums, link=link))
        found = await immich.find(came) if came else {}
        return {sha1 for sha1, asset in found.items() if await immich.shows(asset.asset_id)}
