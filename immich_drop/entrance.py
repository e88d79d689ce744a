"""Who may come in, and by which link.

Immich rules over its links; an answer of it counts for FRESH seconds. While it is down, a link that
was open to somebody before stays open: what comes by it waits, as everything does. Immich takes
uploads by a link with a password without asking for it, so we ask.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
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
)
from immich_drop.immich import Immich
from immich_drop.limits import Rate
from immich_drop.link import Link, LinkBook, Ref, scope

FRESH = 60.0
"""Seconds for which an answer of Immich counts."""
SOON = 5.0
"""Seconds until Immich is asked again when it did not answer."""

PATIENCE = 5.0
"""Seconds a guest waits for Immich when the link was open before."""

MOST = 1000
"""Answers that are kept."""

STRANGERS_PER_MINUTE = 60
"""Links we never heard of, that one address may ask for: nobody tries all short names."""
GUESSES_PER_MINUTE = 10
"""Wrong passwords of one link from one address."""
ALL_GUESSES_PER_MINUTE = 300
"""Wrong passwords of one link from everywhere."""


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
        self._answers: OrderedDict[Ref, tuple[float, asyncio.Task[Link]]] = OrderedDict()
        self._strangers = Rate(STRANGERS_PER_MINUTE, clock=clock)
        self._guesses = Rate(GUESSES_PER_MINUTE, clock=clock)
        self._all_guesses = Rate(ALL_GUESSES_PER_MINUTE, clock=clock)

    async def enter(self, ref: Ref | None, *, unlocked: str | None, address: str) -> Link:
        """Give the drop that an address leads to; `unlocked` is the id of a link that was unlocked.

        Raises LinkNeeded, LinkUnknown, LinkExpired, LinkRevoked, LinkNoUpload, PasswordRequired,
        RateLimited, and ImmichError when Immich does not answer and we never heard of the link.
        """
        if ref is None:
            if self._own is None:
                raise LinkNeeded
            return self._own
        link = await self._look_up(ref, address)
        if link.locked and link.id != unlocked:
            raise PasswordRequired
        if not link.allow_upload:
            raise LinkNoUpload(link.id)
        return link

    async def unlock(self, ref: Ref, password: str, *, address: str) -> Link:
        """Try a password. Raises as `enter`, and PasswordWrong."""
        try:
            return await self._ask(ref, address)
        except PasswordRequired:
            pass
        except LinkUnknown:
            raise self._ended(ref) from None
        where = scope(ref)
        self._guesses.spend(f"{where} {address}")
        self._all_guesses.spend(where)
        async with self._asking(ref) as immich:
            link = await self._book.remember(await immich.shared_link(password), locked=True)
        self._guesses.give_back(f"{where} {address}")
        self._all_guesses.give_back(where)
        return link

    async def _look_up(self, ref: Ref, address: str) -> Link:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._ask(ref, address)
        except PasswordRequired:
            link = self._book.find(ref)
            if link is None:
                raise
            return replace(link, locked=True)
        except LinkUnknown:
            raise self._ended(ref) from None
        except (ImmichError, TimeoutError) as error:
            link = self._book.find(ref)
            if link is None:
                raise ImmichUnavailable(str(error) or "no answer yet") from error
            if self._is_over(link):
                raise LinkExpired(link.id) from None
            return link

    async def _ask(self, ref: Ref, address: str) -> Link:
        """Give what Immich says, or said a moment ago; guests who come together share the answer."""
        asked = self._answers.get(ref)
        if asked is None or self._is_stale(*asked):
            if self._book.find(ref) is None:
                self._strangers.spend(address)
            asked = self._answers[ref] = (self._clock(), asyncio.create_task(self._fetch(ref)))
            self._answers.move_to_end(ref)
            if len(self._answers) > MOST:
                self._answers.popitem(last=False)
        return await asyncio.shield(asked[1])

    def _is_stale(self, asked_at: float, answer: asyncio.Task[Link]) -> bool:
        if not answer.done():
            return False
        lasts = SOON if isinstance(answer.exception(), ImmichError) else FRESH
        return self._clock() - asked_at >= lasts

    async def _fetch(self, ref: Ref) -> Link:
        async with self._asking(ref) as immich:
            return await self._book.remember(await immich.shared_link(), locked=False)

    @asynccontextmanager
    async def _asking(self, ref: Ref) -> AsyncIterator[Immich]:
        immich = self._immich(ref)
        try:
            yield immich
        finally:
            immich.close()

    def _ended(self, ref: Ref) -> DropError:
        """Say what became of a link that Immich does not know any more."""
        link = self._book.find(ref)
        if link is None:
            return LinkUnknown()
        return LinkExpired(link.id) if self._is_over(link) else LinkRevoked(link.id)

    def _is_over(self, link: Link) -> bool:
        return link.expires_at is not None and link.expires_at <= self._now()
