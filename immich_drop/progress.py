"""Live updates for the pages that are open.

A watcher gets a snapshot, then the whole state of an upload at each change: events are idempotent,
and a lost one costs nothing. Events for one upload that a slow watcher has not taken yet are
replaced by newer ones, so at most one event for each upload waits for a stalled phone.
"""

import asyncio
from typing import TypedDict

from immich_drop.upload import State, Upload


class Event(TypedDict):
    """One upload as the page sees it."""

    id: str
    item: str | None
    name: str
    length: int | None
    offset: int
    state: str
    sent: int
    code: str | None
    retryAt: str | None


def event(upload: Upload, *, offset: int, sent: int = 0) -> Event:
    """Describe an upload: `offset` bytes are here, `sent` are on their way to Immich."""
    return {
        "id": upload.id,
        "item": upload.item,
        "name": upload.name,
        "length": upload.length,
        "offset": offset if upload.state is State.RECEIVING else upload.length or 0,
        "state": upload.state,
        "sent": sent if upload.state is State.RECEIVED else 0,
        "code": upload.code,
        "retryAt": upload.retry_at.isoformat() if upload.retry_at else None,
    }


class Watcher:
    """One open page, and the events it has not been sent yet."""

    def __init__(self) -> None:
        self._news: dict[str, Event] = {}
        self._wakeup = asyncio.Event()

    def offer(self, news: Event) -> None:
        """Add an event; it replaces an older one of the same upload."""
        self._news[news["id"]] = news
        self._wakeup.set()

    def forget(self) -> None:
        """Drop the waiting events: a snapshot taken now is newer."""
        self._news.clear()

    async def take(self) -> list[Event]:
        """Wait for events, and return all, one for each upload, oldest first."""
        await self._wakeup.wait()
        self._wakeup.clear()
        news, self._news = self._news, {}
        return list(news.values())


class Progress:
    """The watchers of all sessions."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[Watcher]] = {}

    def watch(self, session: str) -> Watcher:
        """Start watching a session."""
        watcher = Watcher()
        self._watchers.setdefault(session, set()).add(watcher)
        return watcher

    def leave(self, session: str, watcher: Watcher) -> None:
        """Stop watching."""
        watchers = self._watchers[session]
        watchers.discard(watcher)
        if not watchers:
            del self._watchers[session]

    def watching(self, session: str) -> int:
        """Count the watchers of a session."""
        return len(self._watchers.get(session, ()))

    def publish(self, upload: Upload, *, offset: int = 0, sent: int = 0) -> None:
        """Send the state of an upload to the watchers of its session."""
        for watcher in self._watchers.get(upload.session or "", ()):
            watcher.offer(event(upload, offset=offset, sent=sent))
