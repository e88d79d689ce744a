"""From the socket to a reception, at the speed of the disk.

Tornado hands a body over in pieces of `chunk_size` after zeroing, receiving, appending and copying
each; `IOStream.read_into` only receives. So a body is read here, inside `prepare()`, while
HTTP1Connection waits. It is read into a small buffer, which goes to a thread when it is full. A
guest who fills one at once lends the socket to a thread, which reads on, writes and hashes by
itself (see `lending`).
"""

import asyncio
from functools import partial
from typing import cast

from tornado.iostream import StreamClosedError

from immich_drop.buffers import Buffers, Ring, part_end
from immich_drop.handlers.framing import Framing
from immich_drop.handlers.pace import Pace
from immich_drop.inflow import Inflow
from immich_drop.lending import LendableStream, Loan
from immich_drop.reception import Reception

BUFFER = 64 * 1024
"""Bytes of a buffer: 500 phones can have two each."""

SMALL = 256 * 1024
"""Bytes that a buffer grows to if that is all: to lend the socket for them is not worth it."""

HAND_OVER = 0.5
"""Seconds after which bytes go to disk although the buffer is not full, so that a weak link always
gains ground."""

FAST = 0.05
"""Seconds: a body that fills a buffer within this time is worth a thread."""


class Intake:
    """One body on its way."""

    def __init__(
        self,
        stream: LendableStream,
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
        self._buffer = memoryview(bytearray(min(BUFFER, framing.length or BUFFER)))
        self._job: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Read the whole body; what came is handed over however this ends.

        Raises StreamClosedError when the guest is gone, or too slow (see `pace`), BadRequest when
        the framing makes no sense, and what Reception.write raises.
        """
        clock = asyncio.create_task(self._tick())
        try:
            while await self._more():
                if self._filled < len(self._buffer):
                    await self._read()
                elif self._is_fast and self._filled + self._framing.left <= SMALL:
                    await self._grow()
                elif self._is_fast and (ring := await self._buffers.take()):
                    try:
                        await self._read_in_thread(ring)
                    finally:
                        self._buffers.give(ring)
                else:
                    await self._turn_over()
        finally:
            clock.cancel()
            self._hand_over()
            await self._join()

    async def _grow(self) -> None:
        """Go on with a buffer for all that is still to come."""
        await self._join()
        data = self._buffer[self._handed : self._filled]
        self._buffer = memoryview(bytearray(len(data) + self._framing.left))
        self._buffer[: len(data)] = data
        self._filled, self._handed = len(data), 0

    @property
    def _is_fast(self) -> bool:
        """Tell whether a thread is worth it: not for every chunk of a chunked body."""
        in_a_row = self._framing.length is not None or self._framing.left > BUFFER
        ready = in_a_row and not self._stream.writing()
        return ready and self._loop.time() - self._begun < FAST

    async def _more(self) -> bool:
        self._pace.wait()
        more = await self._framing.more()
        self._pace.arrived(0)
        return more

    async def _read(self) -> None:
        space = self._buffer[self._filled : self._filled + self._framing.left]
        self._pace.wait()
        try:
            count = await self._stream.read_into(cast(bytearray, space), partial=True)
        except StreamClosedError:
            await self._take_buffer_back()
            raise
        self._pace.arrived(count)
        self._filled += count
        self._arrived(count)
        # read_into may be done at once: a fast sender must not keep the loop for itself.
        await asyncio.sleep(0)

    async def _take_buffer_back(self) -> None:
        """Leave the stream a buffer of its own, by a read that is always satisfied.

        One that is closed keeps what read_into gave it; HTTP1Connection, which looks for a next
        request even then, would find one among the bytes of a photo (Tornado 6.6.1).
        """
        self._stream.close()  # ends the read which failed: it stands in the way of another one
        await self._stream.read_bytes(0)

    async def _read_in_thread(self, ring: Ring) -> None:
        """Lend the socket to a thread, until the body is here or the guest is not fast any more."""
        await self._join()
        ahead = await self._move_into(ring)
        left = self._framing.left
        with self._stream.lend() as loan:
            await self._reception.write_from(
                Inflow(ring=ring, ahead=ahead, rest=left, pull=partial(self._pull, loan))
            )
        self._pace.arrived(left - self._framing.left)
        self._begin_buffer()
        if loan.gone:
            self._stream.close()
        if self._stream.closed():
            raise StreamClosedError

    async def _move_into(self, ring: Ring) -> int:
        """Move the bytes in the buffer, and what Tornado has read ahead, into a ring.

        Returns how many those are.
        """
        start, data = self._reception.offset, self._buffer[self._handed : self._filled]
        end = start + len(data)
        ring.put(data, start)
        self._handed = self._filled
        while count := min(self._stream.ahead, self._framing.left, part_end(end) - end):
            await self._stream.read_into(cast(bytearray, ring.view(end, end + count)))
            self._arrived(count)
            end += count
        return end - start

    def _pull(self, loan: Loan, space: memoryview) -> int:
        # Runs in the thread, which alone writes the counts while it has the socket. The loop may
        # read those of a moment ago: then `evict` closes a connection whose last byte has just
        # come, and `Receiver._refuse_late` lets a chunk evict us that is late. What came is kept.
        count = loan.pull(space)
        self._arrived(count)
        return count

    def _arrived(self, count: int) -> None:
        self._framing.left -= count
        self._reception.read += count

    async def _turn_over(self) -> None:
        """Hand the full buffer over, and go on with the other one once that is written."""
        before, full = self._job, self._buffer
        self._hand_over()
        # The job goes to its thread with the next turn of the loop, and what is read in this one
        # may take a millisecond.
        await asyncio.sleep(0)
        if before is not None:
            await asyncio.wait([before])
            before.result()
        self._buffer, self._spare = self._spare or memoryview(bytearray(BUFFER)), full
        self._begin_buffer()

    def _begin_buffer(self) -> None:
        self._filled = self._handed = 0
        self._begun = self._loop.time()

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
