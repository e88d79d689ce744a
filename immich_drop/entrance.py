"""Who may come in, and by which link.

Immich decides about its links, and its answer is cached for FRESH seconds. While it is down, a link
that some guest has opened before, and that was not found closed since, stays open, and uploads
through it wait as all others do. Immich takes uploads through a link with a password without asking
for the password, so we ask for it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from copy import copy
from dataclasses import dataclass
from datetime import datetime

from immich_drop.errors import (
    DropError,
    ImmichError,
    ImmichUnavailable,
    LinkExpired,
    LinkNeeded,
    LinkNoUpload,
    LinkRevoked,
    LinkUnknown,
    PasswordRequired,
    PasswordWrong,
)
from immich_drop.immich import Immich, ShareKey
from immich_drop.limits import Rate
from immich_drop.link import Link, LinkBook, Ref, scope

FRESH = 20.0
"""Seconds for which an answer of Immich is cached."""
SOON = 5.0
"""Seconds until Immich is asked again after it did not answer."""

PATIENCE = 5.0
"""Seconds for which guests wait for one answer, counted from when Immich was asked."""

MAX_ANSWERS = 1000
"""The most answers in the cache."""

STRANGERS_PER_MINUTE = 60
"""Links new to us that one address may try, so that nobody can find one by trying short names."""
GUESSES_PER_MINUTE = 30
"""Wrong passwords for one link from one address."""
ALL_GUESSES_PER_MINUTE = 300
"""Wrong passwords for one link from all addresses together."""

_GONE = (LinkUnknown, LinkExpired, LinkRevoked)

_SAID = (Link, PasswordRequired, *_GONE)
"""What Immich says of a link, and not of its own trouble."""

_QUERY = re.compile(r"\?\S*")


@dataclass(frozen=True, slots=True)
class _Question:
    asked_at: float
    answer: asyncio.Task[Link | DropError]


class Entrance:
    """Opens links, and asks for their passwords."""

    def __init__(
        self,
        *,
        own: Link | None,
        book: LinkBook,
        immich: Callable[[Ref], Immich],
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._own = own
        """The drop at `/`; None when there is none."""
        self._book = book
        self._immich = immich
        self._clock = clock
        self._now = now
        self._questions: dict[Ref, _Question] = {}
        """Oldest first."""
        self._guesses: dict[tuple[Ref, str], _Question] = {}
        """Passwords that are being tried."""
        self._found_shut: dict[str, float] = {}
        """When somebody with the password last found that a link takes no files, by its id."""
        self._strangers = Rate(STRANGERS_PER_MINUTE, clock=clock)
        self._wrong = Rate(GUESSES_PER_MINUTE, clock=clock)
        self._all_wrong = Rate(ALL_GUESSES_PER_MINUTE, clock=clock)

    async def enter(self, ref: Ref | None, *, unlocked: str | None, address: str) -> Link:
        """Return the drop that `ref` names; `unlocked` is the lock that this guest has opened.

        Raises LinkNeeded, LinkUnknown, LinkExpired, LinkRevoked, LinkNoUpload, PasswordRequired,
        RateLimited, Unavailable, and ImmichUnavailable when Immich does not answer and the link is
        new to us.
        """
        if ref is None:
            if self._own is None:
                raise LinkNeeded
            return self._own
        link = await self._look_up(ref, address)
        if link.lock is not None and link.lock != unlocked:
            raise PasswordRequired
        if not link.allow_upload:
            raise LinkNoUpload(link.id)
        return link

    async def unlock(self, ref: Ref, password: str, *, address: str) -> Link:
        """Try a password, and return the link, whose lock is None if it needs none (any more).

        Raises LinkUnknown, LinkExpired, LinkRevoked, PasswordWrong, RateLimited, ImmichUnavailable,
        Unavailable.
        """
        try:
            return await self._ask(ref, address)
        except PasswordRequired:
            return await self._wait_for(self._guess(ref, password, address))

    def _guess(self, ref: Ref, password: str, address: str) -> _Question:
        """Try a password; who tries the same one meanwhile shares the answer.

        It counts as wrong until Immich has said that it is right, so that guesses at the same time
        are no more than one after the other. Raises RateLimited.
        """
        guess = self._guesses.get((ref, password))
        if guess is None:
            guesser, where = f"{scope(ref)} {address}", scope(ref)
            self._wrong.spend(guesser)
            self._all_wrong.spend(where)
            guess = self._start(self._try_password(ref, password, guesser, where))
            self._guesses[ref, password] = guess
            guess.answer.add_done_callback(lambda _: self._guesses.pop((ref, password)))
        return guess

    async def _try_password(self, ref: Ref, password: str, guesser: str, where: str) -> Link:
        """Ask Immich whether this is the password."""
        wrong = False
        try:
            async with self._immich_by(ref) as immich:
                shared = await immich.shared_link(password)
        except PasswordWrong:
            wrong = True
            raise
        except LinkUnknown:
            # The earlier answer, that there is a password, is out of date.
            self._questions.pop(ref, None)
            return await self._fetch(ref)
        finally:
            if not wrong:
                self._wrong.give_back(guesser)
                self._all_wrong.give_back(where)
        link = await self._book.remember(shared, password=password)
        if not link.allow_upload:
            self._found_shut[link.id] = self._clock()
        return link

    async def _look_up(self, ref: Ref, address: str) -> Link:
        try:
            return await self._ask(ref, address)
        except PasswordRequired:
            link = self._book.find(ref)
            if link is None or link.lock is None:
                raise
            if not link.allow_upload and self._may_be_open_again(link):
                raise
            return link
        except ImmichUnavailable:
            link = self._book.find(ref)
            if link is None:
                raise
            if self._is_over(link) or not link.allow_upload:
                raise self._end_of(link) from None
            return link

    async def _ask(self, ref: Ref, address: str) -> Link:
        """Return Immich's answer; one that is fresh, or under way, is shared by all who ask."""
        question = self._questions.get(ref)
        if question is None or self._is_stale(question):
            question = self._ask_anew(ref, address)
        return await self._wait_for(question)

    async def _wait_for(self, question: _Question) -> Link:
        waited = self._clock() - question.asked_at
        try:
            async with asyncio.timeout(max(0, PATIENCE - waited)):
                answer = await asyncio.shield(question.answer)
        except TimeoutError:
            raise ImmichUnavailable("no answer yet") from None
        if isinstance(answer, DropError):
            raise copy(answer)
        return answer

    def _is_stale(self, question: _Question) -> bool:
        answer = question.answer
        if not answer.done():
            return False
        said = answer.exception() is None and isinstance(answer.result(), _SAID)
        return self._clock() - question.asked_at >= (FRESH if said else SOON)

    def _ask_anew(self, ref: Ref, address: str) -> _Question:
        if self._book.find(ref) is None:
            self._strangers.spend(address)
        self._questions.pop(ref, None)
        self._make_room()
        question = self._questions[ref] = self._start(self._fetch(ref))
        return question

    def _make_room(self) -> None:
        """Forget the answers that are stale, and the oldest one when there are too many."""
        while self._questions:
            ref, oldest = next(iter(self._questions.items()))
            if len(self._questions) < MAX_ANSWERS and not self._is_stale(oldest):
                break
            del self._questions[ref]

    def _start(self, asking: Coroutine[None, None, Link]) -> _Question:
        return _Question(self._clock(), asyncio.create_task(_outcome(asking)))

    async def _fetch(self, ref: Ref) -> Link:
        """Ask Immich about a link, and note in the book what it says."""
        known = self._book.find(ref)
        try:
            async with self._immich_by(ref) as immich:
                shared = await immich.shared_link()
        except PasswordRequired:
            if known:
                await self._note_lock(ref, known)
            raise
        except LinkUnknown:
            if known:
                await self._note_end(ref, known)
            raise
        return await self._book.remember(shared, password=None)

    async def _note_lock(self, ref: Ref, link: Link) -> None:
        """Note that there is a password, unless it is another link that has the name now."""
        if isinstance(ref, ShareKey):
            await self._book.lock(link)
            return
        try:
            await self._fetch(ShareKey(link.key))
        except _GONE:
            await self._book.take_name(link)
        except (PasswordRequired, ImmichUnavailable):
            pass

    async def _note_end(self, ref: Ref, link: Link) -> None:
        """Note that a link has ended, or goes by another name now.

        Raises LinkExpired or LinkRevoked if it has ended.
        """
        if isinstance(ref, ShareKey):
            await self._book.close(link)
            raise self._end_of(link)
        with suppress(PasswordRequired):
            await self._fetch(ShareKey(link.key))
        await self._book.take_name(link)

    @asynccontextmanager
    async def _immich_by(self, ref: Ref) -> AsyncIterator[Immich]:
        """Use Immich through a link; to a guest every failure of Immich is ImmichUnavailable."""
        immich = self._immich(ref)
        try:
            yield immich
        except ImmichError as error:
            # Immich repeats a URL whose path it does not know: it can hold a name or a password.
            raise ImmichUnavailable(_QUERY.sub("?…", str(error))) from error
        finally:
            immich.close()

    def _end_of(self, link: Link) -> DropError:
        return LinkExpired(link.id) if self._is_over(link) else LinkRevoked(link.id)

    def _may_be_open_again(self, link: Link) -> bool:
        """Tell whether to ask for the password again: only with it does Immich say more."""
        found = self._found_shut.get(link.id)
        return found is None or self._clock() - found >= FRESH

    def _is_over(self, link: Link) -> bool:
        return link.expires_at is not None and link.expires_at <= self._now()


async def _outcome(asking: Coroutine[None, None, Link]) -> Link | DropError:
    """Return the answer, also when it is an error.

    As a copy, which has no traceback: that would keep the client of Immich in memory.
    """
    try:
        return await asking
    except DropError as error:
        return copy(error)
