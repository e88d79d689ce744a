"""The locker: never two inside, the newest wins, and nobody waits for ever."""

import asyncio

import pytest

from immich_drop import locker as module
from immich_drop.errors import Superseded
from immich_drop.locker import Locker


class Room:
    """What the locker guards: it counts who is inside, and who was last."""

    def __init__(self) -> None:
        self.locker = Locker()
        self.inside = 0
        self.served: list[int] = []

    async def visit(self, number: int, *, leaves: bool = True) -> None:
        asked = asyncio.Event()
        async with self.locker.enter("a", asked.set if leaves else lambda: None):
            self.inside += 1
            assert self.inside == 1
            self.served.append(number)
            await asked.wait()
            await asyncio.sleep(0)
            self.inside -= 1


@pytest.mark.gen_test
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
async def test_of_fifty_visitors_never_two_are_inside_and_the_newest_wins(turns: int) -> None:
    room = Room()
    visits = []
    for number in range(50):
        visits.append(asyncio.create_task(room.visit(number)))
        for _ in range(turns):
            await asyncio.sleep(0)
    while 49 not in room.served:
        await asyncio.sleep(0)
    assert room.served == sorted(room.served)
    await room.locker._vacate("a")
    outcomes = await asyncio.gather(*visits, return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        assert outcome is None if number in room.served else isinstance(outcome, Superseded)
    assert room.locker._holders == room.locker._waiting == {}


@pytest.mark.gen_test
async def test_uploads_do_not_wait_for_each_other() -> None:
    locker = Locker()
    async with locker.enter("a"), locker.enter("b"):
        assert locker.holds("a")
        assert locker.holds("b")
        await locker._vacate("c")
    assert not locker.holds("a")


@pytest.mark.gen_test
async def test_a_holder_that_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    locker = Locker()
    async with locker.enter("a"):
        with pytest.raises(Superseded):
            await locker._vacate("a")
    await locker._vacate("a")
    assert locker._holders == locker._waiting == {}


@pytest.mark.gen_test
async def test_a_visitor_that_fails_or_is_cancelled_leaves_the_place() -> None:
    locker = Locker()
    with pytest.raises(ZeroDivisionError):
        async with locker.enter("a"):
            raise ZeroDivisionError
    async with locker.enter("a"):
        waiting = asyncio.create_task(locker._vacate("a"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    assert locker._holders == locker._waiting == {}


@pytest.mark.gen_test
async def test_who_comes_when_the_holder_has_just_left_goes_before_who_waited() -> None:
    locker = Locker()
    async with locker.enter("a"):
        older = asyncio.create_task(locker._vacate("a"))
        await asyncio.sleep(0)
    async with locker.enter("a"):
        with pytest.raises(Superseded):
            await older


@pytest.mark.gen_test
async def test_at_the_end_holders_get_time_and_are_then_asked_to_leave() -> None:
    room = Room()
    patient = asyncio.create_task(room.visit(1))
    await asyncio.sleep(0)
    await room.locker.close(0.01)
    await patient
    assert room.locker._holders == {}
    await room.locker.close(0)
