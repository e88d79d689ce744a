"""A word to the host when something has arrived: "47 photos and 3 videos have arrived".

Off by default, never in the way of anything: what has arrived is counted from the rows, so a
notice that could not be sent is simply sent later, also after a restart.
"""

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest

from immich_drop.db import Db
from immich_drop.upload import VIDEOS, extension_of

log = logging.getLogger(__name__)

QUIET = timedelta(minutes=5)
"""A batch is over when nothing came for this long."""
DAY = timedelta(days=1)

TIMEOUT = 20.0
"""Seconds the receiver of a notice has to take it."""

FACT = "notified-until"


class Notifier:
    """Sends notices to a webhook (JSON, as the Apprise API takes it) or to ntfy (text)."""

    def __init__(
        self, url: str, *, plain: bool, daily: bool, title: str, db: Db, now: Callable[[], datetime]
    ) -> None:
        self._url = url
        self._plain = plain
        self._daily = daily
        self._title = title
        self._db = db
        self._now = now
        self._client = AsyncHTTPClient(force_instance=True)
        self._failing = False

    async def look(self) -> None:
        """Send a notice if one is due."""
        now = self._now()
        since = self._since(now)
        # A clock that was ahead may have dated some in the future.
        arrived = [each for each in self._db.stored_since(since) if each[1] <= now]
        if not arrived:
            return
        last = max(moment for _, moment in arrived)
        due = since + DAY if self._daily else last + QUIET
        if now >= due and await self._send([name for name, _ in arrived]):
            await self._db.remember(FACT, last.isoformat())

    def close(self) -> None:
        """Let go of the client."""
        self._client.close()

    def _since(self, now: datetime) -> datetime:
        fact = self._db.fact(FACT)
        told = datetime.fromisoformat(fact) if fact else None
        return told if told and told <= now else now - DAY

    async def _send(self, names: list[str]) -> bool:
        try:
            await self._client.fetch(self._request(names))
        except (HTTPError, OSError) as error:
            if not self._failing:
                log.warning("the notice could not be sent, it will be tried again: %s", error)
            self._failing = True
            return False
        self._failing = False
        return True

    def _request(self, names: list[str]) -> HTTPRequest:
        videos = sum(extension_of(name) in VIDEOS for name in names)
        photos = len(names) - videos
        sentence = f"{_count(photos, videos)} arrived."
        if self._plain:
            headers, body = {"Title": self._title.encode("ascii", "ignore").decode()}, sentence
        else:
            headers = {"Content-Type": "application/json"}
            told = {"title": self._title, "body": sentence, "photos": photos, "videos": videos}
            body = json.dumps(told)
        return HTTPRequest(
            self._url,
            method="POST",
            headers=headers,
            body=body,
            follow_redirects=False,
            request_timeout=TIMEOUT,
        )


def _count(photos: int, videos: int) -> str:
    """Say how many: "1 photo has", "47 photos and 3 videos have"."""
    kinds = (("photo", photos), ("video", videos))
    parts = [f"{count} {kind}{'s' * (count != 1)}" for kind, count in kinds if count]
    return f"{' and '.join(parts)} {'has' if photos + videos == 1 else 'have'}"
