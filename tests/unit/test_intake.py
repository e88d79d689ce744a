"""Bodies: who is fast is read in a thread, who is slow is not, and nobody loses anything."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from tornado.iostream import StreamClosedError

from immich_drop.buffers import PART, Buffers
from immich_drop.handlers import intake as module
from immich_drop.handlers.framing import Framing
from immich_drop.handlers.intake import BUFFER, SMALL, Intake
from immich_drop.inflow import Inflow
from immich_drop.lending import LendableStream
from immich_drop.reception import Reception
from immich_drop.upload import Upload
from unit.receiving import Half, chunk, half

SIZE = 2 * PART + 12_345


@dataclass
class Body:
    """A body on its way, from both ends."""

    intake: Intake
    reception: Reception
    send: Callable[[bytes], Awaitable[None]]
    guest: socket.socket


@pytest.fixture
def inflows(monkeypatch: pytest.MonkeyPatch) -> list[Inflow]:
    """What threads were given to receive."""
    seen: list[Inflow] = []
    ordinary = Reception.write_from

    def write_from(reception: Reception, inflow: Inflow) -> asyncio.Task[None]:
        seen.append(inflow)
        return ordinary(reception, inflow)

    monkeypatch.setattr(Reception, "write_from", write_from)
    return seen


@asynccontextmanager
async def body(
    drop: Half, made: Upload, buffers: Buffers, *, offset: int = 0
) -> AsyncIterator[Body]:
    """Begin a body that brings the rest of an upload."""
    left = (made.length or 0) - offset
    reception = await drop.receiver.begin(made.id, chunk(offset), size=left, evict=lambda: None)
    ours, guest = socket.socketpair()
    guest.setblocking(False)
    stream = LendableStream(ours)
    with guest:
        yield Body(
            Intake(stream, Framing(stream, left), reception, buffers, idle=60),
            reception,
            partial(asyncio.get_running_loop().sock_sendall, guest),
            guest,
        )
    stream.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("count", [1, 3])
async def test_who_is_fast_is_read_in_a_thread(
    tmp_path: Path, inflows: list[Inflow], count: int
) -> None:
    """From any offset, and others wait for their turn."""
    async with half(tmp_path, max_size=2 * SIZE) as drop:
        buffers = Buffers(1)

        async def bring(number: int) -> None:
            data = bytes([number]) + bytes(range(251)) * (SIZE // 251)
            made = await drop.create(len(data))
            await drop.bring(made.id, data[:5000])
            async with body(drop, made, buffers, offset=5000) as coming:
                sending = asyncio.create_task(coming.send(data[5000:]))  # type: ignore[arg-type]
                await coming.intake.run()
                await sending
                await drop.receiver.finish(coming.reception)
            assert drop.spool.path(made.id).read_bytes() == data
            assert made.id in {each.id for each in drop.received}

        await asyncio.gather(*map(bring, range(count)))
        assert len(inflows) >= count
        assert await buffers.take() is not None


@pytest.mark.gen_test
async def test_a_small_body_needs_no_thread_of_its_own(
    tmp_path: Path, inflows: list[Inflow]
) -> None:
    async with half(tmp_path, max_size=2 * SIZE) as drop:
        made = await drop.create(SMALL)
        async with body(drop, made, Buffers(1)) as coming:
            sending = asyncio.create_task(coming.send(bytes(SMALL)))  # type: ignore[arg-type]
            await coming.intake.run()
            await sending
            await drop.receiver.finish(coming.reception)
        assert not inflows
        assert [each.id for each in drop.received] == [made.id]


@pytest.mark.gen_test
async def test_a_slow_guest_keeps_no_thread_busy(
    tmp_path: Path, inflows: list[Inflow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FAST", -1)
    async with half(tmp_path, max_size=2 * SIZE) as drop:
        made = await drop.create(SIZE)
        async with body(drop, made, Buffers(1)) as coming:
            running = asyncio.create_task(coming.intake.run())
            sent = b"x" * (3 * BUFFER + 1)
            await coming.send(sent)
            coming.guest.close()
            with pytest.raises(StreamClosedError):
                await running
            await drop.receiver.abandon(coming.reception)
        assert drop.spool.path(made.id).read_bytes() == sent
        assert not inflows


@pytest.mark.gen_test
async def test_what_a_thread_received_before_the_end_is_kept(
    tmp_path: Path, inflows: list[Inflow]
) -> None:
    async with half(tmp_path, max_size=2 * SIZE) as drop:
        made, buffers = await drop.create(SIZE), Buffers(1)
        async with body(drop, made, buffers) as coming:
            running = asyncio.create_task(coming.intake.run())
            sent = b"y" * (PART + 1)
            await coming.send(sent)
            coming.guest.close()
            with pytest.raises(StreamClosedError):
                await running
            await drop.receiver.abandon(coming.reception)
        assert drop.spool.path(made.id).read_bytes() == sent
        assert inflows
        assert await buffers.take() is not None
