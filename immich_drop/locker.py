"""One writer per upload, and the newest one wins.

A phone that lost its network leaves a connection behind that looks alive. So a newcomer does not
wait for the holder, it asks for the place back: the holder's connection is closed, what it brought
is kept, and the newcomer goes on where that ended (the idea of tusd's `requestRelease`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from immich_drop.errors import Superseded

PATIENCE = 10.0
"""Seconds a holder may take to put its last bytes on disk."""


@dataclass(slots=True)
class _Holder:
    evict: Callable[[], None]
    left: asyncio.Event = field(default_factory=asyncio.Event)


class Locker:
    """Who writes to which upload."""

    def __init__(self) -> None:
        self._holders: dict[str, _Holder] = {}
        self._waiting: dict[str, object] = {}

    @asynccontextmanager
    async def enter(
        self, upload_id: str, evict: Callable[[], None] = lambda: None
    ) -> AsyncIterator[None]:
        """Hold the upload for writing; `evict` is called when a newer visitor wants it.

        Without `evict` the newer one waits until this one is done. Raises Superseded when a newer
        visitor came while this one waited, or when the holder does not leave within PATIENCE.
        """
        await self._vacate(upload_id)
        # No await since the check that the place is free.
        holder = self._holders[upload_id] = _Holder(evict)
        try:
            yield
        finally:
            del self._holders[upload_id]
            holder.left.set()

    async def _vacate(self, upload_id: str) -> None:
        """Evict the holder, and return when nobody writes; whoever waited before is superseded."""
        turn = self._waiting[upload_id] = object()
        try:
            while holder := self._holders.get(upload_id):
                holder.evict()
                try:
                    await asyncio.wait_for(holder.left.wait(), PATIENCE)
                except TimeoutError:
                    raise Superseded("the holder does not leave") from None
                if self._waiting.get(upload_id) is not turn:
                    raise Superseded("a newer request came")
        finally:
            if self._waiting.get(upload_id) is turn:
                del self._waiting[upload_id]

    def holds(self, upload_id: str) -> bool:
        """Tell whether somebody writes to the upload."""
        return upload_id in self._holders

    async def close(self, grace: float) -> None:
        """Wait until nobody writes; after `grace` seconds ask those who still do to leave."""
        deadline = asyncio.get_running_loop().time() + grace
        for holder in list(self._holders.values()):
            try:
                async with asyncio.timeout_at(deadline):
                    await holder.left.wait()
            except TimeoutError:
                holder.evict()
