"""Who may come in, and by which link.

Immich decides about its links, and its answers are kept for a while (see `questions`). While it is
down, a link that some guest has opened before, and that was not found closed since, stays open, and
uploads through it wait as all others do. Immich takes uploads through a link with a password
without asking for the password, so we ask for it.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
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
from immich_drop.questions import FRESH, Questions

STRANGERS_PER_MINUTE = 60
"""Links new to us that one address may try, so that nobody can find one by trying short names."""
GUESSES_PER_MINUTE = 30
"""Wrong passwords for one link from one address."""
ALL_GUESSES_PER_MINUTE = 300
"""Wrong passwords for one link from all addresses together."""

_GONE = (LinkUnknown, LinkExpired, LinkRevoked)

_QUERY = re.compile(r"\?\S*")


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
        self._questions = Questions(clock=clock)
        self._guesses = Questions(clock=clock)
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
            return await self._guess(ref, password, address)

    async def _guess(self, ref: Ref, password: str, address: str) -> Link:
        """Try a password; who tries the same one meanwhile shares the answer.

        It counts as wrong until Immich has said that it is right, so that guesses at the same time
        are no more than one after the other.
        """
        guess = (ref, password)
        if not self._guesses.knows(guess):
            guesser, where = f"{scope(ref)} {address}", scope(ref)
            self._wrong.spend(guesser)
            self._all_wrong.spend(where)
            trying = self._guesses.ask(guess, self._try_password(ref, password, guesser, where))
            trying.add_done_callback(lambda _: self._guesses.forget(guess))
        return await self._guesses.answer(guess)

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
            self._questions.forget(ref)
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
        if not self._questions.knows(ref):
            if self._book.find(ref) is None:
                self._strangers.spend(address)
            self._questions.ask(ref, self._fetch(ref))
        return await self._questions.answer(ref)

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
        except ImmichUnavailable:
            # Who comes by the name must not be let in without the password meanwhile.
            if link.lock is None:
                await self._book.take_name(link)
        except PasswordRequired:
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
