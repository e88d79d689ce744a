"""News: whole, in order, and never more than one for each upload."""

import asyncio

import pytest

from immich_drop.progress import Progress, event
from immich_drop.upload import State
from unit.make import START, upload

S = "s" * 22


@pytest.mark.gen_test
async def test_only_who_watches_the_session_is_told() -> None:
    progress = Progress()
    anna, tom, other = (progress.watch(session) for session in (S, S, "t" * 22))
    first, second = upload(session=S), upload(session=S)
    progress.publish(first, offset=1)
    progress.publish(second, offset=2)
    progress.publish(upload(), offset=9)
    for watcher in (anna, tom):
        news = await watcher.take()
        assert [(each["id"], each["offset"]) for each in news] == [(first.id, 1), (second.id, 2)]
    waiting = asyncio.create_task(other.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.gen_test
async def test_a_stalled_phone_costs_a_dictionary_not_a_queue() -> None:
    progress = Progress()
    watcher = progress.watch(S)
    made = upload(session=S)
    for offset in range(1000):
        progress.publish(made, offset=offset)
    assert [each["offset"] for each in await watcher.take()] == [999]
    progress.publish(made, offset=1)
    watcher.forget()
    progress.publish(made, offset=2)
    assert [each["offset"] for each in await watcher.take()] == [2]


@pytest.mark.gen_test
async def test_who_waits_is_woken_and_who_leaves_is_forgotten() -> None:
    progress = Progress()
    watchers = [progress.watch(S) for _ in range(3)]
    assert progress.watching(S) == 3
    waiting = asyncio.create_task(watchers[0].take())
    await asyncio.sleep(0)
    progress.publish(upload(session=S))
    assert len(await waiting) == 1
    for watcher in watchers:
        progress.leave(S, watcher)
    assert progress.watching(S) == 0
    assert progress._watchers == {}


@pytest.mark.parametrize("state", State)
def test_an_event_says_all_and_nothing_more(state: State) -> None:
    made = upload(session=S, item="7", state=state, code="immich_key", retry_at=START, asset_id="a")
    assert event(made, offset=3, sent=2) == {
        "id": made.id,
        "item": "7",
        "name": "photo.jpg",
        "length": 5,
        "offset": 3 if state is State.RECEIVING else 5,
        "state": state.value,
        "sent": 2 if state is State.RECEIVED else 0,
        "code": "immich_key",
        "retryAt": "2026-07-04T20:15:30+00:00",
    }
