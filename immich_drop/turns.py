"""Round robin over sessions, so that one guest's 2,000 photos don't starve another's three.

Within a session uploads leave in the order in which they came. One that is to be tried again later
joins the queue again when it is due.
"""

import asyncio
from collections import OrderedDict, deque


class Turns:
    """A queue for each session; the queues are served in rotation."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[str]] = OrderedDict()
        self._members: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._wakeup = asyncio.Event()

    def join(self, upload_id: str, session: str) -> None:
        """Put an upload at the end of its session's queue, unless it is queued already."""
        self._stop_timer(upload_id)
        if upload_id not in self._members:
            self._members.add(upload_id)
            self._queues.setdefault(session, deque()).append(upload_id)
            self._wakeup.set()

    def join_later(self, upload_id: str, session: str, delay: float) -> None:
        """Queue an upload after `delay` seconds."""
        self._stop_timer(upload_id)
        loop = asyncio.get_running_loop()
        self._timers[upload_id] = loop.call_later(delay, self.join, upload_id, session)

    def has(self, upload_id: str) -> bool:
        """Tell whether an upload is queued, or will be."""
        return upload_id in self._members or upload_id in self._timers

    def is_empty(self) -> bool:
        """Tell whether no upload is queued, nor will be."""
        return not self._members and not self._timers

    async def next(self) -> str:
        """Wait for the next upload and take it out of its queue."""
        while not self._queues:
            self._wakeup.clear()
            await self._wakeup.wait()
        session, queue = self._queues.popitem(last=False)
        upload_id = queue.popleft()
        if queue:
            self._queues[session] = queue
        self._members.discard(upload_id)
        return upload_id

    def close(self) -> None:
        """Cancel all that `join_later` has planned."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _stop_timer(self, upload_id: str) -> None:
        timer = self._timers.pop(upload_id, None)
        if timer is not None:
            timer.cancel()
