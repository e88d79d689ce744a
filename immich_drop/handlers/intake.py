"""From the socket to a reception, at the speed of the disk.

Tornado hands a body over in pieces of `chunk_size` after zeroing, receiving, appending and copying
each; `IOStream.read_into` only receives. So a body is read here, inside `prepare()`, while
HTTP1Connection waits: into large pooled buffers, one hop into the disk's threads for each, filling
the next one meanwhile.
"""

import asyncio
from typing import cast

from tornado.iostream import IOStream, StreamClosedError

from immich_drop.disk import pages
from immich_drop.handlers.framing import Framing
from immich_drop.handlers.pace import Pace
from immich_drop.reception import Reception

SMALL = 64 * 1024
"""Bytes of the buffer of a body that is small or slow: what 500 phones can have at once."""

LARGE = 4 * 1024 * 1024
"""Bytes of a pooled buffer: a hop into a thread costs 0.3 ms of CPU, so it has to be worth it."""

HAND_OVER = 0.5
"""Seconds after which bytes go to disk although the buffer is not full, so that a weak link always
gains ground."""

FAST = 0.05
"""Seconds: a body that fills small buffers within this time each is worth a large one."""


class Buffers:
    """A pool of large buffers: fresh ones cost page faults, and their number bounds our memory."""

    def __init__(self, count: int) -> None:
        self._free: list[memoryview] = []
        self._unmade = count

    def take(self) -> memoryview | None:
        """Return a large buffer; None when all are in use."""
        if self._free:
            return self._free.pop()
        if not self._unmade:
            return None
        self._unmade -= 1
        return pages(LARGE)

    def give(self, buffer: memoryview) -> None:
        """Take a large buffer back."""
        self._free.append(buffer)


class Intake:
    """One body on its way."""

    def __init__(
        self,
        stream: IOStream,
        framing: Framing,
        reception: Reception,
        buffers: Buffers,
        *,
        idle: float,
    ) -> None:
        self._framing = framing
        self._stream = stream
        self._reception = reception
        self._buffers = buffers
        self._loop = asyncio.get_running_loop()
        self._pace = Pace(window=idle, clock=self._loop.time)
        self._begun = self._loop.time()
        self._spare: memoryview | None = None
        self._filled = self._handed = 0
        large = buffers.take() if framing.length is not None and framing.length > SMALL else None
        self._buffer = large or memoryview(bytearray(min(SMALL, framing.length or SMALL)))
        self._job: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Read the whole body; what came is handed over however this ends.

        Raises StreamClosedError when the guest is gone, or too slow (see `pace`), BadRequest when
        the framing makes no sense, and what Reception.write raises.
        """
        clock = asyncio.create_task(self._tick())
        try:
            while await self._more():
                await self._read()
        finally:
            clock.cancel()
            try:
                self._hand_over()
                await self._join()
            finally:
                self._give_back()

    async def _more(self) -> bool:
        self._pace.wait()
        more = await self._framing.more()
        self._pace.arrived(0)
        return more

    async def _read(self) -> None:
        if self._filled == len(self._buffer):
            await self._turn_over()
        elif self._crawls:
            await self._step_down()
        space = self._buffer[self._filled : self._filled + self._framing.left]
        self._pace.wait()
        try:
            count = await self._stream.read_into(cast(bytearray, space), partial=True)
        except StreamClosedError:
            await self._take_buffer_back()
            raise
        self._pace.arrived(count)
        self._filled += count
        self._framing.left -= count
        self._reception.read += count
        # read_into may be done at once: a fast sender must not keep the loop for itself.
        await asyncio.sleep(0)

    async def _take_buffer_back(self) -> None:
        """Leave the stream a buffer of its own, by a read that is always satisfied.

        One that is closed keeps what read_into gave it; HTTP1Connection, which looks for a next
        request even then, would find one among the bytes of a photo (Tornado 6.6.1).
        """
        self._stream.close()  # ends the read which failed: it stands in the way of another one
        await self._stream.read_bytes(0)

    async def _turn_over(self) -> None:
        """Hand the full buffer over, and go on with the other one once that is written."""
        before, full, fast = self._job, self._buffer, not self._lags
        self._hand_over()
        # The job goes to its thread with the next turn of the loop, and what is read in this one
        # may take a millisecond.
        await asyncio.sleep(0)
        if before is not None:
            await asyncio.wait([before])
            before.result()
        self._buffer, self._spare = self._other_buffer(fast=fast), full
        self._begin_buffer()

    async def _step_down(self) -> None:
        """Leave the large buffers to somebody who fills them."""
        self._hand_over()
        await self._join()
        self._give_back()
        self._buffer, self._spare = memoryview(bytearray(SMALL)), None
        self._begin_buffer()

    def _begin_buffer(self) -> None:
        self._filled = self._handed = 0
        self._begun = self._loop.time()

    @property
    def _lags(self) -> bool:
        """Tell whether the bytes come slower than small buffers are filled within FAST each."""
        return self._filled * FAST < (self._loop.time() - self._begun) * SMALL

    @property
    def _crawls(self) -> bool:
        """Tell whether a large buffer is wasted on this guest."""
        tried = self._loop.time() - self._begun > HAND_OVER
        return len(self._buffer) == LARGE and tried and self._lags

    def _other_buffer(self, *, fast: bool) -> memoryview:
        spare = self._spare
        if spare is not None and len(spare) == LARGE:
            return spare
        large = self._buffers.take() if fast and self._wants_more else None
        return large or spare or memoryview(bytearray(SMALL))

    @property
    def _wants_more(self) -> bool:
        """Tell whether a small buffer would not do: of a chunked body nobody knows."""
        return self._framing.length is None or self._framing.left > SMALL

    async def _join(self) -> None:
        """Wait for what is being written; the clock may have handed over more meanwhile."""
        await self._reception.settle()
        job, self._job = self._job, None
        if job is not None:
            job.result()

    def _hand_over(self) -> None:
        if self._handed < self._filled:
            data = self._buffer[self._handed : self._filled]
            self._handed = self._filled
            self._job = self._reception.write(data)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(HAND_OVER)
            if self._job is None or self._job.done():
                self._hand_over()
            if self._pace.patience < 0:
                self._stream.close()

    def _give_back(self) -> None:
        for buffer in (self._buffer, self._spare):
            if buffer is not None and len(buffer) == LARGE:
                self._buffers.give(buffer)
