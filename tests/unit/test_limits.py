"""Rates: what one address may ask for, counted without growing and without getting slow."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_drop.errors import RateLimited
from immich_drop.limits import Rate
from unit.make import Clock


def test_all_at_once_then_as_they_come() -> None:
    clock = Clock()
    rate = Rate(60, clock=clock)
    rate.spend("a", 60)
    for wait in (1, 1):
        with pytest.raises(RateLimited) as caught:
            rate.spend("a")
        assert caught.value.retry_after == 1
        clock.pass_(wait)
        rate.spend("a")
    rate.spend("b", 60)
    with pytest.raises(RateLimited) as caught:
        rate.spend("b", 30)
    assert caught.value.retry_after == 30
    clock.pass_(3600)
    rate.spend("b", 60)
    with pytest.raises(RateLimited):
        rate.spend("b")


def test_more_than_there_can_be_is_all_there_is() -> None:
    clock = Clock()
    rate = Rate(60, clock=clock)
    rate.spend("a", 1000)
    with pytest.raises(RateLimited) as caught:
        rate.spend("a", 1000)
    assert caught.value.retry_after == 60
    clock.pass_(60)
    rate.spend("a", 1000)


def test_zero_is_no_limit() -> None:
    rate = Rate(0, clock=Clock())
    for _ in range(1000):
        rate.spend("a", 1000)
    assert rate._buckets == {}


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 10))))
def test_never_more_than_the_burst_and_the_rate(asked: list[tuple[float, int]]) -> None:
    clock = Clock()
    rate = Rate(10, clock=clock)
    spent = 0
    for pause, count in asked:
        clock.pass_(pause)
        with suppress(RateLimited):
            rate.spend("a", count)
            spent += count
        assert spent <= 10 + clock.seconds * 10 / 60 + 1e-6


def test_addresses_are_forgotten_within_two_minutes() -> None:
    clock = Clock()
    rate = Rate(1, clock=clock)
    for number in range(1000):
        rate.spend(str(number))
        clock.pass_(0.1)
    clock.pass_(60)
    rate.spend("the last")
    assert set(rate._buckets) == {"the last"}
