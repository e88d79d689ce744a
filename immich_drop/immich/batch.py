"""One question in place of many: callers within a few milliseconds share a request."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

Ask = Callable[[Collection[K]], Awaitable[Mapping[K, V]]]


class _Batch(Generic[K, V]):
    """Keys that are asked for together, and the answer for all of them."""

    def __init__(self, ask: Ask[K, V], delay: float) -> None:
        self.keys: set[K] = set()
        self._asked = False
        self.answer = asyncio.create_task(self._run(ask, delay))
        # A batch that fails after all its callers have gone is nobody's failure.
        self.answer.add_done_callback(lambda task: task.cancelled() or task.exception())

    def takes(self, key: K, limit: int) -> bool:
        return not self._asked and (key in self.keys or len(self.keys) < limit)

    async def _run(self, ask: Ask[K, V], delay: float) -> Mapping[K, V]:
        await asyncio.sleep(delay)
        self._asked = True
        return await ask(self.keys)


class Batcher(Generic[K, V]):
    """Gathers keys for `delay` seconds, at most `limit` of them, and asks once.

    What a batch raises reaches each of its callers; a caller that is cancelled takes nobody along.
    """

    def __init__(self, ask: Ask[K, V], *, limit: int, delay: float) -> None:
        self._ask = ask
        self._limit = limit
        self._delay = delay
        self._open: _Batch[K, V] | None = None

    async def get(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the values of those keys that have one."""
        wanted = frozenset(keys)
        found: dict[K, V] = {}
        for batch in {self._join(key) for key in wanted}:
            found.update(await asyncio.shield(batch.answer))
        return {key: found[key] for key in wanted & found.keys()}

    def _join(self, key: K) -> _Batch[K, V]:
        batch = self._open
        if batch is None or not batch.takes(key, self._limit):
            batch = self._open = _Batch(self._ask, self._delay)
        batch.keys.add(key)
        return batch
