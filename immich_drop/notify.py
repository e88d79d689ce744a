"""Notices to the host: "47 photos and 3 videos have arrived, from Anna", or that some cannot.

Off by default, and no upload ever waits for a notice. What there is to tell is in the database,
so a notice that could not be sent is sent later, also after a restart.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from immich_drop.accepted import VIDEOS
from immich_drop.db import Db
from immich_drop.errors import LinkRevoked
from immich_drop.facts import Facts
from immich_drop.link import LinkBook
from immich_drop.names import extension_of
from immich_drop.upload import State, Upload
from immich_drop.webhook import Webhook

QUIET = timedelta(minutes=5)
"""A batch is over when nothing came for this long."""
DAY = timedelta(days=1)
"""With NOTIFY_DAILY: a batch is over this long after its first upload."""

ILL = timedelta(minutes=15)
"""For this long the drop has to be unwell until the host is told."""

NAMES = 5
"""The most names in a sentence; with more guests the last one is "others"."""

ARRIVED = "notified-until"
"""Fact: the host was told of everything stored up to this time."""
FAILED = "notified-failed"
"""Fact: the host was told of everything that failed up to this time."""
CLOSED = "notified-closed"
"""Fact: the closed links whose waiting uploads the host was told of."""

Notice = tuple[str, Mapping[str, object]]
"""A text, and what it tells as JSON."""
Compose = Callable[[Sequence[Upload]], Notice]


class Notifier:
    """Finds what there is to tell, and when."""

    def __init__(
        self,
        webhook: Webhook,
        *,
        daily: bool,
        db: Db,
        book: LinkBook,
        health: Callable[[], Awaitable[Mapping[str, str]]],
        now: Callable[[], datetime],
    ) -> None:
        self._webhook = webhook
        self._daily = daily
        self._db = db
        self._facts = Facts(db)
        self._book = book
        self._health = health
        self._ill_since: dict[str, datetime] = {}
        self._complained: set[str] = set()
        self._now = now

    async def start(self) -> None:
        """Begin to count, unless an earlier process did."""
        for key in (ARRIVED, FAILED):
            if self._facts.recall(key) is None:
                await self._facts.remember(key, self._now().isoformat())

    async def send_due(self) -> None:
        """Send the notices that are due."""
        await self._tell(ARRIVED, State.STORED, self._arrived)
        await self._tell(FAILED, State.FAILED, self._failed)
        await self._tell_closed()
        await self._tell_ill()

    def close(self) -> None:
        """Close the webhook."""
        self._webhook.close()

    async def _tell(self, key: str, state: State, compose: Compose) -> None:
        """Tell of the uploads that got into a state since the fact `key`, once a batch is over."""
        now = self._now()
        since = self._since(key, now)
        # Those of a clock that was ahead are dated in the future, and left out.
        span = self._db.span(state, after=since, until=now)
        if span is None:
            return
        first, last = span
        due = first + DAY if self._daily else last + QUIET
        if now < due:
            return
        sentence, details = compose(self._db.meanwhile(state, after=since, until=last))
        if await self._webhook.send(sentence, details):
            await self._facts.remember(key, last.isoformat())

    def _arrived(self, uploads: Sequence[Upload]) -> Notice:
        by_link = groupby(sorted(uploads, key=_link), _link)
        sentences = [self._sentence(link, list(those)) for link, those in by_link]
        photos, videos = _kinds(uploads)
        return "\n".join(sentences), {
            "photos": photos,
            "videos": videos,
            "guests": _guests(uploads),
        }

    def _failed(self, uploads: Sequence[Upload]) -> Notice:
        codes = sorted({upload.code or "" for upload in uploads})
        files = "1 file" if len(uploads) == 1 else f"{len(uploads)} files"
        sentence = (
            f"{files} cannot get into Immich ({', '.join(codes)}): "
            "`python server.py status` lists what needs you."
        )
        return sentence, {"failed": len(uploads), "codes": codes}

    async def _tell_closed(self) -> None:
        """Report a closed link once, and again after nothing of it had to wait in between."""
        closed = self._db.waiting(LinkRevoked.code)
        told = set((self._facts.recall(CLOSED) or "").split())
        sentences = [
            f"{self._book.title(link)}: {count} waiting, as Immich no longer lets this link upload."
            for link, count in closed.items()
            if link not in told
        ]
        details = {"code": LinkRevoked.code}
        if sentences and not await self._webhook.send("\n".join(sentences), details):
            return
        # While Immich is down, that is what its uploads wait for.
        wait = set(self._db.links_of(State.RECEIVED).values()) if told else set()
        if (known := closed.keys() | (told & wait)) != told:
            await self._facts.remember(CLOSED, " ".join(sorted(known)))

    async def _tell_ill(self) -> None:
        """Report once what has been wrong for a while; links have a notice of their own."""
        now, report = self._now(), await self._health()
        ill = {part: code for part, code in report.items() if code != "ok" and part != "links"}
        self._ill_since = {part: self._ill_since.get(part, now) for part in ill}
        self._complained &= ill.keys()
        due = [
            part
            for part, since in self._ill_since.items()
            if now - since >= ILL and part not in self._complained
        ]
        if not due:
            return
        codes = {part: ill[part] for part in due}
        what = ", ".join(f"{part}: {code}" for part, code in codes.items())
        sentence = f"Not well for {ILL.seconds // 60} minutes ({what}). What has arrived is safe."
        if await self._webhook.send(sentence, codes):
            self._complained.update(due)

    def _sentence(self, link: str, uploads: Sequence[Upload]) -> str:
        name, guests = self._book.title(link), _guests(uploads)
        where = f"{name}: " if name else ""
        if not guests:
            return f"{where}{_in_words(*_kinds(uploads))} arrived."
        named = guests if len(guests) <= NAMES else [*guests[: NAMES - 1], "others"]
        whose = ", ".join(named[:-1]) + " and " * (len(named) > 1) + named[-1]
        return f"{where}{_in_words(*_kinds(uploads))} arrived, from {whose}."

    def _since(self, key: str, now: datetime) -> datetime:
        fact = self._facts.recall(key)
        told = datetime.fromisoformat(fact) if fact else None
        return told if told and told <= now else now - DAY


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
