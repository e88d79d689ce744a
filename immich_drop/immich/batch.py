"""Joins many lookups into one: callers that arrive while a request runs share the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

Ask = Callable[[Collection[K]], Awaitable[Mapping[K, V]]]


class _Batch(Generic[K, V]):
    """Keys that are looked up in one request, and its answer."""

    def __init__(self, ask: Ask[K, V], before: "_Batch[K, V] | None") -> None:
        self.keys: set[K] = set()
        self._asked = False
        self.answer = asyncio.create_task(self._run(ask, before))
        # If all callers have gone, nobody awaits the task: fetch its exception, or asyncio logs
        # "exception was never retrieved".
        self.answer.add_done_callback(lambda task: task.cancelled() or task.exception())

    def takes(self, key: K, limit: int) -> bool:
        return not self._asked and (key in self.keys or len(self.keys) < limit)

    async def _run(self, ask: Ask[K, V], before: "_Batch[K, V] | None") -> Mapping[K, V]:
        if before is not None:
            await asyncio.wait([before.answer])
        self._asked = True
        return await ask(self.keys)


class Batcher(Generic[K, V]):
    """Sends the first request at once, and gathers keys for the next one while it runs.

    A request has at most `limit` keys. An error in a request is raised in each of its callers;
    cancelling one caller does not affect the others.
    """

    def __init__(self, ask: Ask[K, V], *, limit: int) -> None:
        self._ask = ask
        self._limit = limit
        self._open: _Batch[K, V] | None = None
        self._unanswered: set[asyncio.Task[Mapping[K, V]]] = set()

    def close(self) -> None:
        """Cancel the requests that are running or waiting, and with them their callers."""
        for answer in self._unanswered:
            answer.cancel()

    async def get(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the values of those keys that have one; the others are left out."""
        wanted = frozenset(keys)
        found: dict[K, V] = {}
        for batch in {self._join(key) for key in wanted}:
            found.update(await asyncio.shield(batch.answer))
        return {key: found[key] for key in wanted & found.keys()}

    def _join(self, key: K) -> _Batch[K, V]:
        batch = self._open
        if batch is None or not batch.takes(key, self._limit):
            busy = batch if batch is not None and not batch.answer.done() else None
            batch = self._open = _Batch(self._ask, busy)
            self._unanswered.add(batch.answer)
            batch.answer.add_done_callback(self._unanswered.discard)
        batch.keys.add(key)
        return batch
