"""Notices to the host: "47 photos and 3 videos have arrived, from Anna", or that some have to wait.

Off by default, and no upload ever waits for a notice. What has arrived is counted in the database,
so a notice that could not be sent is sent later, also after a restart.
"""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.header import Header
from itertools import groupby

from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest

from immich_drop.accepted import VIDEOS
from immich_drop.db import Db
from immich_drop.errors import LinkRevoked
from immich_drop.facts import Facts
from immich_drop.link import LinkBook
from immich_drop.names import extension_of
from immich_drop.upload import Upload

log = logging.getLogger(__name__)

QUIET = timedelta(minutes=5)
"""A batch is over when nothing came for this long."""
DAY = timedelta(days=1)

TIMEOUT = 20.0
"""Timeout of the request that sends a notice, in seconds."""

NAMES = 5
"""The most names in a sentence; with more guests the last one is "others"."""

ARRIVED = "notified-until"
"""Fact: the host was told of everything stored up to this time."""
CLOSED = "notified-closed"
"""Fact: the closed links whose waiting uploads the host was told of."""


class Notifier:
    """Sends notices to a webhook (JSON, as the Apprise API takes it) or to ntfy (text)."""

    def __init__(
        self,
        url: str,
        *,
        plain: bool,
        daily: bool,
        title: str,
        db: Db,
        book: LinkBook,
        now: Callable[[], datetime],
    ) -> None:
        self._url = url
        self._plain = plain
        self._daily = daily
        self._title = title
        self._db = db
        self._facts = Facts(db)
        self._book = book
        self._now = now
        self._client = AsyncHTTPClient(force_instance=True)
        self._failing = False

    async def send_due(self) -> None:
        """Send the notices that are due."""
        await self._tell_arrived()
        await self._tell_closed()

    def close(self) -> None:
        """Close the HTTP client."""
        self._client.close()

    async def _tell_arrived(self) -> None:
        now = self._now()
        since = self._since(now)
        # Those stored while the clock was ahead are dated in the future, and left out.
        last = self._db.last_stored(after=since, until=now)
        if last is None:
            return
        due = since + DAY if self._daily else last + QUIET
        if now < due:
            return
        arrived = self._db.stored(after=since, until=last)
        by_link = groupby(sorted(arrived, key=_link), _link)
        sentences = [self._sentence(link, list(uploads)) for link, uploads in by_link]
        photos, videos = _kinds(arrived)
        details = {"photos": photos, "videos": videos, "guests": _guests(arrived)}
        if await self._send("\n".join(sentences), details):
            await self._facts.remember(ARRIVED, last.isoformat())

    async def _tell_closed(self) -> None:
        """Report a closed link once, and again if it was open in between."""
        waiting = self._db.waiting(LinkRevoked.code)
        told = set((self._facts.recall(CLOSED) or "").split())
        sentences = [
            f"{self._name(link)}: {count} waiting, as Immich no longer lets this link upload."
            for link, count in waiting.items()
            if link not in told
        ]
        if sentences and not await self._send("\n".join(sentences), {"code": LinkRevoked.code}):
            return
        if told != waiting.keys():
            await self._facts.remember(CLOSED, " ".join(sorted(waiting)))

    def _sentence(self, link: str, uploads: Sequence[Upload]) -> str:
        name, guests = self._name(link), _guests(uploads)
        where = f"{name}: " if name else ""
        if not guests:
            return f"{where}{_in_words(*_kinds(uploads))} arrived."
        named = guests if len(guests) <= NAMES else [*guests[: NAMES - 1], "others"]
        whose = ", ".join(named[:-1]) + " and " * (len(named) > 1) + named[-1]
        return f"{where}{_in_words(*_kinds(uploads))} arrived, from {whose}."

    def _name(self, link: str) -> str:
        known = self._book.get(link)
        return known.title if known else ""

    def _since(self, now: datetime) -> datetime:
        fact = self._facts.recall(ARRIVED)
        told = datetime.fromisoformat(fact) if fact else None
        return told if told and told <= now else now - DAY

    async def _send(self, sentence: str, details: dict[str, object]) -> bool:
        try:
            await self._client.fetch(self._request(sentence, details))
        except (HTTPError, OSError) as error:
            if not self._failing:
                log.warning("the notice could not be sent, it will be tried again: %s", error)
            self._failing = True
            return False
        self._failing = False
        return True

    def _request(self, sentence: str, details: dict[str, object]) -> HTTPRequest:
        if self._plain:
            headers, body = {"Title": _in_a_header(self._title)}, sentence
        else:
            headers = {"Content-Type": "application/json"}
            body = json.dumps({"title": self._title, "body": sentence} | details)
        return HTTPRequest(
            self._url,
            method="POST",
            headers=headers,
            body=body,
            follow_redirects=False,
            request_timeout=TIMEOUT,
        )


def _in_a_header(title: str) -> str:
    """Write a title into one line of ASCII, as ntfy reads it since 2.4: RFC 2047."""
    return Header(" ".join(title.split()), maxlinelen=0).encode()


def _link(upload: Upload) -> str:
    return upload.link


def _guests(uploads: Sequence[Upload]) -> list[str]:
    """Return the names of the guests, each once, in the order of their uploads."""
    return list(dict.fromkeys(upload.guest for upload in uploads if upload.guest))


def _kinds(uploads: Sequence[Upload]) -> tuple[int, int]:
    videos = sum(extension_of(upload.name) in VIDEOS for upload in uploads)
    return len(uploads) - videos, videos


def _in_words(photos: int, videos: int) -> str:
    """Say how many: "1 photo has", "47 photos and 3 videos have"."""
    kinds = (("photo", photos), ("video", videos))
    parts = [f"{count} {kind}{'s' * (count != 1)}" for kind, count in kinds if count]
    return f"{' and '.join(parts)} {'has' if photos + videos == 1 else 'have'}"
