"""Is this file here already? A checksum in place of a transfer.

Whoever can ask learns whether the host has a file he holds himself. So the answer comes, by
default, only from what came through this drop; the host may open it to the whole library. In
either case Immich decides: what was deleted there since is not known any more.
"""

from collections.abc import Sequence

from immich_drop.db import Db
from immich_drop.errors import ImmichError
from immich_drop.immich import Immich
from immich_drop.limits import Rate

MOST = 100
"""Checksums in one question."""


class Known:
    """Answers for a scope: `off`, `drop` or `library`."""

    def __init__(self, *, scope: str, db: Db, immich: Immich, rate: Rate) -> None:
        self.scope = scope
        self._db = db
        self._immich = immich
        self._rate = rate

    async def among(self, checksums: Sequence[bytes], *, address: str) -> set[bytes]:
        """Tell which files need not be sent. Raises RateLimited, Unavailable."""
        self._rate.spend(address, len(checksums))
        if self.scope == "off" or not checksums:
            return set()
        promised = self._db.promised(checksums)
        asked = checksums if self.scope == "library" else list(self._db.known(checksums))
        try:
            found = await self._immich.find(asked) if asked else {}
        except ImmichError:
            # Our memory alone could be wrong, and then a photo would be lost: rather send it.
            return promised
        return promised | {checksum for checksum, asset in found.items() if not asset.trashed}
