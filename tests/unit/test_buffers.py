"""Memory for threads that receive: bounded, in turn, and each byte in its place."""

import asyncio

import pytest

from immich_drop import buffers as module
from immich_drop.buffers import Buffers, Ring, part_end


@pytest.mark.gen_test
async def test_who_is_alone_gets_a_second_part() -> None:
    buffers = Buffers(3)
    first, second = await buffers.take(), await buffers.take()
    assert first is not None
    assert second is not None
    assert (len(first.parts), len(second.parts)) == (2, 1)
    buffers.give(first)
    third, fourth = await buffers.take(), await buffers.take()
    assert third is not None
    assert fourth is not None
    assert (len(third.parts), len(fourth.parts)) == (1, 1)
    assert len({id(part) for ring in (second, third, fourth) for part in ring.parts}) == 3


@pytest.mark.gen_test
async def test_one_part_is_enough_for_one() -> None:
    buffers = Buffers(1)
    ring = await buffers.take()
    assert ring is not None
    assert len(ring.parts) == 1


@pytest.mark.gen_test
async def test_who_waited_first_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 60)
    buffers = Buffers(1)
    ring = await buffers.take()
    assert ring is not None
    waiting = [asyncio.create_task(buffers.take()) for _ in range(2)]
    await asyncio.sleep(0)
    buffers.give(ring)
    again = await waiting[0]
    assert again is not None
    assert not waiting[1].done()
    buffers.give(again)
    assert await waiting[1] is not None


@pytest.mark.gen_test
async def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    buffers = Buffers(1)
    ring = await buffers.take()
    assert ring is not None
    assert await buffers.take() is None
    buffers.give(ring)
    assert await buffers.take() is not None


@pytest.mark.parametrize("parts", [1, 2])
def test_bytes_have_their_place(monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    monkeypatch.setattr(module, "PART", 10)
    ring = Ring([memoryview(bytearray(10)) for _ in range(parts)])
    for start in range(25):
        assert part_end(start) % 10 == 0
        assert 0 < part_end(start) - start <= 10
        ring.put(memoryview(b"abcdefg"), start)
        cut = min(7, part_end(start) - start)
        assert ring.view(start, start + cut) == b"abcdefg"[:cut]
        assert ring.view(start + cut, start + 7) == b"abcdefg"[cut:]
