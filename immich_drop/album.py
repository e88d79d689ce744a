"""The album that every asset joins."""

import asyncio

from immich_drop.db import Db
from immich_drop.errors import AlbumGone, ImmichTrouble
from immich_drop.immich import Immich


class Album:
    """Found or made once, remembered over restarts, and found again when it is gone."""

    def __init__(self, name: str, *, immich: Immich, db: Db) -> None:
        self._name = name
        self._immich = immich
        self._db = db
        self._fact = f"album:{name}"
        self._finding = asyncio.Lock()

    async def add(self, asset_id: str) -> None:
        """Put an asset into the album. Raises ImmichError."""
        try:
            added = await self._immich.add_to_album(await self._id(), [asset_id])
        except AlbumGone:
            await self._db.forget(self._fact)
            added = await self._immich.add_to_album(await self._id(), [asset_id])
        if asset_id not in added:
            raise ImmichTrouble(f"asset {asset_id} did not join the album")

    async def _id(self) -> str:
        # Immich's album names are not unique: two who look at once would make two albums.
        async with self._finding:
            album_id = self._db.fact(self._fact)
            if album_id is None:
                album_id = await self._immich.find_or_create_album(self._name)
                await self._db.remember(self._fact, album_id)
            return album_id
