"""Tasks: kept alive, told when they fail, and ended in the end."""

import asyncio

import pytest

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
