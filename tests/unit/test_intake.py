"""Bodies: who is slow takes no large buffer from who is fast, and loses nothing by it."""

import asyncio
import socket
from functools import partial
from pathlib import Path

import pytest
from tornado.iostream import IOStream, StreamClosedError

from immich_drop.handlers import intake as module
from immich_drop.handlers.framing import Framing
from immich_drop.handlers.intake import SMALL, Buffers, Intake
from unit.receiving import chunk, half

SIZE = 4 * SMALL


@pytest.mark.gen_test
async def test_a_slow_guest_leaves_the_large_buffer_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HAND_OVER", 0.01)
    async with half(tmp_path) as drop:
        made = await drop.create(SIZE)
        reception = await drop.receiver.begin(made.id, chunk(), size=SIZE, evict=lambda: None)
        ours, guest = socket.socketpair()
        guest.setblocking(False)
        send = partial(asyncio.get_running_loop().sock_sendall, guest)
        stream, buffers = IOStream(ours), Buffers(1)
        intake = Intake(stream, Framing(stream, SIZE), reception, buffers, idle=60)
        running, sent = asyncio.create_task(intake.run()), 0
        while (given := buffers.take()) is None:
            await send(b"x")
            await asyncio.sleep(0)  # to send a byte is done at once
            sent += 1
        assert len(given) > SMALL
        await send(b"y")
        guest.close()
        with pytest.raises(StreamClosedError):
            await running
        await drop.receiver.abandon(reception)
        assert drop.spool.path(made.id).read_bytes() == b"x" * sent + b"y"
