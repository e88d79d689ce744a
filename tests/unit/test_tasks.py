"""Tasks: kept alive, told when they fail, and ended in the end."""

import asyncio

import pytest

from immich_drop.clocks import every, watch_loop
from immich_drop.errors import DiskFull
from immich_drop.metrics import Metrics
from immich_drop.tasks import Tasks


@pytest.mark.gen_test
async def test_work_is_waited_for_and_then_cancelled() -> None:
    tasks, done = Tasks(), []

    async def work(name: str, moment: asyncio.Event) -> None:
        await moment.wait()
        done.append(name)

    soon, never = asyncio.Event(), asyncio.Event()
    tasks.spawn(work("soon", soon))
    stuck = tasks.spawn(work("never", never))
    asyncio.get_running_loop().call_soon(soon.set)
    await tasks.drain(0.05)
    assert done == ["soon"]
    assert stuck.cancelled()
    assert tasks._tasks == set()
    await tasks.drain(0)


@pytest.mark.gen_test
async def test_a_failure_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    tasks = Tasks()

    async def fail() -> None:
        raise ZeroDivisionError

    tasks.spawn(fail())
    await tasks.drain(1)
    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.gen_test
async def test_a_clock_goes_on_whatever_its_work_raises(caplog: pytest.LogCaptureFixture) -> None:
    done = asyncio.Event()
    raised = [DiskFull("a known failure"), ZeroDivisionError("nobody foresaw")]

    async def work() -> None:
        if raised:
            raise raised.pop(0)
        done.set()

    clock = asyncio.create_task(every(0, work))
    await asyncio.wait_for(done.wait(), 5)
    clock.cancel()
    known, unforeseen = caplog.records
    assert (known.getMessage(), known.exc_info) == ("a known failure", None)
    assert unforeseen.exc_info is not None


@pytest.mark.gen_test
async def test_a_loop_that_is_held_up_is_seen() -> None:
    metrics = Metrics()
    clock = asyncio.create_task(watch_loop(metrics))
    loop = asyncio.get_running_loop()
    until = loop.time() + 5
    while not (lag := metrics.registry.get_sample_value("drop_loop_lag_seconds")) or lag < 0.1:
        assert loop.time() < until
        await asyncio.sleep(0)
        sum(range(5_000_000))  # holds the loop up
    clock.cancel()
