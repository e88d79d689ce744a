"""Finds the files that Immich already has: in bulk where we may, else one by one."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote

from immich_drop.errors import ImmichPermission, ImmichRefused
from immich_drop.immich.answers import elements, maybe, member, parsed
from immich_drop.immich.batch import Batcher
from immich_drop.immich.exchange import Exchange
from immich_drop.immich.facts import Found, Sent

CHECK_LIMIT = 500
"""Checksums in one bulk check; Immich itself only limits the JSON, to 10 MB."""
AT_ONCE = 4
"""Concurrent requests where each file needs its own."""

NOBODYS = bytes(20)
"""A checksum that no file has."""

K = TypeVar("K")
V = TypeVar("V")


class Lookup:
    """Looks files up with one credential; with a shared link one by one (`in_bulk` is False)."""

    def __init__(self, exchange: Exchange, *, in_bulk: bool) -> None:
        self._exchange = exchange
        self._batches = Batcher(self._check if in_bulk else self._one_by_one, limit=CHECK_LIMIT)

    def close(self) -> None:
        """Cancel the lookups that are running or waiting."""
        self._batches.close()

    async def find(self, checksums: Iterable[bytes]) -> dict[bytes, Found]:
        """Return the assets that have these SHA-1s."""
        return await self._batches.get(checksums)

    async def may_check(self) -> bool:
        """Tell whether this credential may use the bulk check."""
        return await self._in_bulk([NOBODYS]) is not None

    async def _check(self, checksums: Collection[bytes]) -> dict[bytes, Found]:
        found = await self._in_bulk(checksums)
        if found is None:
            found = await self._one_by_one(checksums)
        untold = {key: each for key, each in found.items() if each.trashed is None}
        return found | await _each(untold, lambda key: self._with_trash_state(untold[key]))

    async def _one_by_one(self, checksums: Collection[bytes]) -> dict[bytes, Found]:
        ids = await _each(checksums, self._asset_id)
        return {key: Found(asset_id=id_, trashed=None) for key, id_ in ids.items() if id_}

    async def _with_trash_state(self, found: Found) -> Found:
        """Complete `found.trashed`, which the bulk check does not tell before 1.115."""
        try:
            asset = await self._exchange.read("GET", f"/assets/{quote(found.asset_id, safe='')}")
        except (ImmichPermission, ImmichRefused):
            return found
        return replace(found, trashed=maybe(asset, "isTrashed") is True)

    async def _asset_id(self, checksum: bytes) -> str | None:
        """Return the id of the asset that has this SHA-1, also if it is in the trash.

        POST /assets checks its checksum header before it looks at the body, also through a link.
        The body sent here is not multipart, so nothing is ever stored.
        """
        headers = {"x-immich-checksum": checksum.hex()}
        try:
            answer = await self._exchange.ask("POST", "/assets", {}, headers=headers)
        except ImmichRefused:
            return None
        return Sent.read(parsed(answer)).asset_id

    async def _in_bulk(self, checksums: Collection[bytes]) -> dict[bytes, Found] | None:
        asked = {checksum.hex(): checksum for checksum in checksums}
        question = [{"id": name, "checksum": name} for name in asked]
        try:
            answer = await self._exchange.read(
                "POST", "/assets/bulk-upload-check", {"assets": question}
            )
        except ImmichPermission as error:
            # 1.136 to 1.140 declare no scope for this call, so they require all scopes.
            if str(error).endswith(": all"):
                return None
            raise
        return {
            asked[name]: Found(
                asset_id=member(result, "assetId", str),
                trashed=None if (told := maybe(result, "isTrashed")) is None else told is True,
            )
            for result in elements(member(answer, "results", list))
            if member(result, "action", str) == "reject"
            and (name := member(result, "id", str)) in asked
        }


async def _each(keys: Iterable[K], ask: Callable[[K], Awaitable[V]]) -> dict[K, V]:
    """Call `ask` for each key, AT_ONCE of them at a time."""
    answers, waiting = dict[K, V](), list(keys)
    while some := waiting[:AT_ONCE]:
        del waiting[:AT_ONCE]
        answers |= zip(some, await asyncio.gather(*map(ask, some)), strict=True)
    return answers
