"""Round robin over sessions, so that one guest's 2,000 photos don't starve another's three.

Within a session the first come is the first to go. An upload that has to wait joins again when it
is due.
"""

import asyncio
from collections import OrderedDict, deque


class Turns:
    """A line for each session, served in rotation."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[str]] = OrderedDict()
        self._members: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._wakeup = asyncio.Event()

    def join(self, upload_id: str, session: str) -> None:
        """Put an upload at the end of its session's line; once is enough."""
        self._stop_timer(upload_id)
        if upload_id not in self._members:
            self._members.add(upload_id)
            self._lines.setdefault(session, deque()).append(upload_id)
            self._wakeup.set()

    def join_later(self, upload_id: str, session: str, delay: float) -> None:
        """Put an upload into the line after `delay` seconds."""
        self._stop_timer(upload_id)
        loop = asyncio.get_running_loop()
        self._timers[upload_id] = loop.call_later(delay, self.join, upload_id, session)

    def has(self, upload_id: str) -> bool:
        """Tell whether an upload is in line, or will be."""
        return upload_id in self._members or upload_id in self._timers

    def empty(self) -> bool:
        """Tell whether nobody is in line, nor will be."""
        return not self._members and not self._timers

    async def next(self) -> str:
        """Wait for the next upload and take it out of the line."""
        while not self._lines:
            self._wakeup.clear()
            await self._wakeup.wait()
        session, line = self._lines.popitem(last=False)
        upload_id = line.popleft()
        if line:
            self._lines[session] = line
        self._members.discard(upload_id)
        return upload_id

    def close(self) -> None:
        """Forget those that wait for a time."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _stop_timer(self, upload_id: str) -> None:
        timer = self._timers.pop(upload_id, None)
        if timer is not None:
            timer.cancel()
