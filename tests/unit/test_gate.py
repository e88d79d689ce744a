"""The gate: closed once, tried by one at a time, and open again for all."""

import asyncio

import pytest

from immich_drop import gate as module
from immich_drop.errors import (
    ImmichFailed,
    ImmichFailing,
    ImmichHold,
    ImmichKeyRejected,
    ImmichUnavailable,
)
from immich_drop.gate import Gate
from unit.make import Clock

DOWN = ImmichUnavailable("connection refused")


@pytest.fixture(name="gate")
def fixture_gate() -> Gate:
    """A gate whose pauses a test ends by hand."""
    return Gate(clock=Clock())


async def through(gate: Gate, visitors: list[asyncio.Task[None]]) -> int:
    """Let the loop turn, and count who is through."""
    for _ in range(5):
        await asyncio.sleep(0)
    return sum(visitor.done() for visitor in visitors)


@pytest.mark.gen_test
async def test_one_at_a_time_tries_and_success_opens_for_all(gate: Gate) -> None:
    await gate.enter()
    gate.hold(DOWN)
    assert gate.reason is DOWN
    visitors = [asyncio.create_task(gate.enter()) for _ in range(5)]
    assert await through(gate, visitors) == 0
    for tried in (1, 2, 3):
        gate._let_one_try()
        assert await through(gate, visitors) == tried
        if tried < 3:
            gate.hold(DOWN)
    gate.open()
    assert await through(gate, visitors) == 5
    assert gate.reason is None
    gate.stop()


@pytest.mark.gen_test
async def test_the_pause_doubles_with_each_trial_up_to_a_minute(gate: Gate) -> None:
    gate.hold(DOWN)
    longest = 1.0
    for _ in range(12):
        assert longest / 2 <= gate.pause <= longest
        longest = min(60, longest * 2)
        gate._let_one_try()
        await gate.enter()
        gate.hold(DOWN)
    assert gate.pause >= 30
    gate.open()
    gate.hold(DOWN)
    assert gate.pause <= 1
    gate.stop()


@pytest.mark.gen_test
async def test_those_let_in_before_do_not_prolong_the_pause(gate: Gate) -> None:
    """Three deliveries under way when Immich goes down are one discovery, not three trials."""
    for _ in range(3):
        await gate.enter()
    for _ in range(3):
        gate.hold(DOWN)
        gate.inconclusive()
    assert gate.pause <= 1
    gate.stop()


@pytest.mark.gen_test
async def test_a_trial_that_told_nothing_leaves_another_one_due(gate: Gate) -> None:
    gate.hold(DOWN)
    gate._let_one_try()
    await gate.enter()
    gate.inconclusive()
    assert gate.reason is DOWN
    assert gate._timer is not None
    assert not gate._timer.cancelled()
    gate.stop()


@pytest.mark.gen_test
async def test_the_first_pause_ends_by_itself(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    gate.hold(DOWN)
    await asyncio.wait_for(gate.enter(), 5)
    gate.open()


@pytest.mark.gen_test
async def test_the_reason_is_the_latest_and_the_log_says_each_once(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    reasons: list[ImmichHold] = [DOWN, DOWN, ImmichKeyRejected("401"), DOWN]
    for reason in reasons:
        gate.hold(reason)
        assert gate.reason is reason
    assert len(caplog.records) == 3
    gate.stop()


@pytest.mark.gen_test
async def test_a_trial_nobody_took_is_not_kept_for_the_next_time(gate: Gate) -> None:
    gate.hold(DOWN)
    gate._let_one_try()
    gate.open()
    gate.hold(DOWN)
    visitor = asyncio.create_task(gate.enter())
    assert await through(gate, [visitor]) == 0
    visitor.cancel()
    gate.stop()


@pytest.mark.gen_test
async def test_several_that_fail_in_a_row_close_it_and_one_that_fails_again_does_not(
    gate: Gate,
) -> None:
    for _ in range(3 * module.SEVERAL):
        gate.fail("the same", ImmichFailed("500"))
    for each in "abc":
        gate.fail(each, ImmichFailed("500"))
    gate.answered()
    assert gate.reason is None
    gate.fail("d", ImmichFailed("500"))
    assert isinstance(gate.reason, ImmichFailing)
    gate.succeed()
    gate.fail("e", ImmichFailed("500"))
    assert gate.reason is None


@pytest.mark.gen_test
async def test_once_closed_for_failures_only_a_success_opens_it(gate: Gate) -> None:
    for each in range(module.SEVERAL):
        gate.fail(str(each), ImmichFailed("500"))
    first = gate.pause
    gate._let_one_try()
    await gate.enter()
    gate.answered()
    assert isinstance(gate.reason, ImmichFailing)
    assert first < gate.pause <= 2
    gate._let_one_try()
    await gate.enter()
    gate.fail("another", ImmichFailed("500"))
    assert gate.pause > 1
    gate.succeed()
    assert gate.reason is None
