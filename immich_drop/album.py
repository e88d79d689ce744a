"""The album that every asset is added to."""

import asyncio
from typing import Protocol

from immich_drop.errors import AlbumGone, ImmichTrouble
from immich_drop.facts import Facts
from immich_drop.immich import Immich


class JoinableAlbum(Protocol):
    """An album that assets can be put into."""

    async def add(self, asset_id: str) -> None:
        """Put an asset into the album. Raises ImmichError."""


class LinkAlbum:
    """The album of a shared link.

    Up to Immich 2.6 we have to add what we uploaded through the link; from 3.0 on we may not.
    """

    def __init__(self, album_id: str, *, immich: Immich) -> None:
        self._album_id = album_id
        self._immich = immich
        self._joins = False

    async def add(self, asset_id: str) -> None:
        """See JoinableAlbum."""
        if not self._joins:
            # Ask each time until it does: Immich may be updated while we run.
            self._joins = await self._immich.joins_by_itself()
        if not self._joins:
            await _add(self._immich, self._album_id, asset_id)


class Album:
    """Found or created by its name; the id is kept in the database until the album is gone."""

    def __init__(self, name: str, *, immich: Immich, facts: Facts) -> None:
        self._name = name
        self._immich = immich
        self._facts = facts
        self._key = f"album:{name}"
        self._finding = asyncio.Lock()

    async def add(self, asset_id: str) -> None:
        """See JoinableAlbum."""
        try:
            await _add(self._immich, await self._id(), asset_id)
        except AlbumGone:
            await self._facts.forget(self._key)
            await _add(self._immich, await self._id(), asset_id)

    async def _id(self) -> str:
        # Immich's album names are not unique: two lookups at once would create two albums.
        async with self._finding:
            album_id = self._facts.recall(self._key)
            if album_id is None:
                album_id = await self._immich.find_or_create_album(self._name)
                await self._facts.remember(self._key, album_id)
            return album_id


async def _add(immich: Immich, album_id: str, asset_id: str) -> None:
    if not await immich.add_to_album(album_id, asset_id):
        raise ImmichTrouble(f"asset {asset_id} did not join the album")
