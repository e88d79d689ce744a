"""What many guests ask about a link at once: Immich is asked once, and its answer kept a while."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from copy import copy
from dataclasses import dataclass

from immich_drop.errors import (
    DropError,
    ImmichUnavailable,
    LinkExpired,
    LinkRevoked,
    LinkUnknown,
    PasswordRequired,
)
from immich_drop.link import Link

FRESH = 20.0
"""Seconds for which an answer of Immich is kept."""
SOON = 5.0
"""Seconds until Immich is asked again after it did not answer."""

PATIENCE = 5.0
"""Seconds for which guests wait for one answer, counted from when Immich was asked."""

MOST = 1000
"""The most answers that are kept."""

_SAID = (Link, PasswordRequired, LinkUnknown, LinkExpired, LinkRevoked)
"""What Immich says of a link, and not of its own trouble."""


@dataclass(frozen=True, slots=True)
class _Question:
    asked_at: float
    answer: asyncio.Task[Link | DropError]


class Questions:
    """Questions under way, and the answers to those of late."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._asked: dict[Hashable, _Question] = {}
        """Oldest first."""

    def knows(self, key: Hashable) -> bool:
        """Tell whether a question is under way, or its answer is fresh."""
        question = self._asked.get(key)
        return question is not None and not self._is_stale(question)

    def ask(self, key: Hashable, asking: Coroutine[None, None, Link]) -> asyncio.Task[object]:
        """Begin to ask, whatever the last answer was; returns the task, which raises nothing."""
        self.forget(key)
        self._make_room()
        question = _Question(self._clock(), asyncio.create_task(_outcome(asking)))
        self._asked[key] = question
        return question.answer

    async def answer(self, key: Hashable) -> Link:
        """Return the answer to a question that was asked. Raises it if it is an error.

        Raises ImmichUnavailable when it takes too long; those who ask later may still get it.
        """
        question = self._asked[key]
        waited = self._clock() - question.asked_at
        try:
            async with asyncio.timeout(max(0, PATIENCE - waited)):
                answer = await asyncio.shield(question.answer)
        except TimeoutError:
            raise ImmichUnavailable("no answer yet") from None
        if isinstance(answer, DropError):
            raise copy(answer)
        return answer

    def forget(self, key: Hashable) -> None:
        """Drop a question, or the answer to it; who waits still gets it."""
        self._asked.pop(key, None)

    def _is_stale(self, question: _Question) -> bool:
        answer = question.answer
        if not answer.done():
            return False
        said = answer.exception() is None and isinstance(answer.result(), _SAID)
        return self._clock() - question.asked_at >= (FRESH if said else SOON)

    def _make_room(self) -> None:
        """Forget the answers that are stale, and the oldest one when there are too many."""
        while self._asked:
            key, oldest = next(iter(self._asked.items()))
            if len(self._asked) < MOST and not self._is_stale(oldest):
                break
            del self._asked[key]


async def _outcome(asking: Coroutine[None, None, Link]) -> Link | DropError:
    """Return the answer, also when it is an error.

    As a copy, which has no traceback: that would keep the client of Immich in memory.
    """
    try:
        return await asking
    except DropError as error:
        return copy(error)
