"""Turns: guests take turns, nobody waits twice, nobody is forgotten."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_drop.turns import Turns


def order(turns: Turns, count: int) -> list[str]:
    async def take() -> list[str]:
        return [await turns.next() for _ in range(count)]

    return asyncio.run(take())


def test_three_photos_do_not_wait_for_two_thousand() -> None:
    turns = Turns()
    for number in range(2000):
        turns.join(f"anna {number}", "anna")
    for number in range(3):
        turns.join(f"tom {number}", "tom")
    first = order(turns, 6)
    assert first == ["anna 0", "tom 0", "anna 1", "tom 1", "anna 2", "tom 2"]
    assert order(turns, 1997) == [f"anna {number}" for number in range(3, 2000)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20))))
def test_each_once_first_come_first_and_nobody_far_behind(joins: list[tuple[str, int]]) -> None:
    turns = Turns()
    for session, number in joins:
        turns.join(f"{session}{number}", session)
    lines = {s: list(dict.fromkeys(f"{s}{n}" for t, n in joins if t == s)) for s in "abc"}
    taken = order(turns, sum(map(len, lines.values())))
    for session, line in lines.items():
        assert [each for each in taken if each[0] == session] == line
    for end in range(len(taken)):
        served = Counter(each[0] for each in taken[:end])
        waiting = [session for session in "abc" if served[session] < len(lines[session])]
        counts = [served[session] for session in waiting]
        assert not counts or max(counts) - min(counts) <= 1
    assert not turns._queues
    assert not turns._members


@pytest.mark.gen_test
async def test_every_waiting_worker_gets_one() -> None:
    turns = Turns()
    workers = [asyncio.create_task(turns.next()) for _ in range(5)]
    await asyncio.sleep(0)
    for number in range(5):
        turns.join(str(number), "anna")
    assert sorted(await asyncio.gather(*workers)) == list("01234")


@pytest.mark.gen_test
async def test_later_comes_once_and_now_comes_before_it() -> None:
    turns = Turns()
    turns.join_later("a", "anna", 60)
    turns.join_later("a", "anna", 0.001)
    assert turns.has("a")
    assert await turns.next() == "a"
    assert not turns.has("a")
    turns.join_later("a", "anna", 0.001)
    turns.join("a", "anna")
    assert await turns.next() == "a"
    assert not turns.has("a")
    turns.join_later("a", "anna", 60)
    turns.close()
    assert not turns.has("a")
