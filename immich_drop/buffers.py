"""Memory for bytes that pass through: whole pages, and for threads that receive a pool of them."""

import asyncio
import mmap
import os

PART = 4 * 1024 * 1024
"""Bytes that are received, then written, then hashed: each lets go of the GIL, and to get it back
takes the longer the more threads want it."""

PATIENCE = 0.05
"""Seconds to wait for a part that others use."""

RECEIVERS = min(os.cpu_count() or 1, 4) + 2
"""How many may receive in a thread at a time: one per core up to four, since more only wait for the
GIL, and two for those that wait for their guest."""


class Ring:
    """Memory in parts, which is used over and over.

    Where a byte is follows from where it belongs in the file, so that their pages match.
    """

    def __init__(self, parts: list[memoryview]) -> None:
        self.parts = parts

    def view(self, start: int, end: int) -> memoryview:
        """Return the place of some bytes of the file, all of them in one part (see `part_end`)."""
        part = self.parts[start // PART % len(self.parts)]
        return part[start % PART : start % PART + end - start]

    def put(self, data: memoryview, start: int) -> None:
        """Copy bytes to their place."""
        fit = min(len(data), part_end(start) - start)
        self.view(start, start + fit)[:] = data[:fit]
        if fit < len(data):
            self.put(data[fit:], start + fit)


def part_end(position: int) -> int:
    """Tell where in the file the part ends that a byte belongs to."""
    return position - position % PART + PART


class Buffers:
    """A pool of parts: fresh ones cost page faults, and their number bounds our memory."""

    def __init__(self, count: int = RECEIVERS) -> None:
        self._count = count
        self._parts: asyncio.LifoQueue[memoryview] = asyncio.LifoQueue()
        for _ in range(count):
            self._parts.put_nowait(pages(PART))

    async def take(self) -> Ring | None:
        """Return a ring; None when all parts are in use, and none is given back for a while.

        Who is alone gets two parts: one is hashed in another thread while the next one fills.
        """
        alone = self._parts.qsize() == self._count
        try:
            async with asyncio.timeout(PATIENCE):
                parts = [await self._parts.get()]
        except TimeoutError:
            return None
        if alone and not self._parts.empty():
            parts.append(self._parts.get_nowait())
        return Ring(parts)

    def give(self, ring: Ring) -> None:
        """Take a ring back."""
        for part in ring.parts:
            self._parts.put_nowait(part)


def pages(size: int) -> memoryview:
    """Return a buffer of whole pages, which take memory only where bytes have come.

    A bytearray starts 32 bytes into a page, and every copy into and out of it is the slower for it.
    """
    return memoryview(mmap.mmap(-1, max(1, size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
