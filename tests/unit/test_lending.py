"""A connection whose socket a thread reads: nothing is lost or read twice, however it ends."""

import asyncio
import socket

import pytest
from tornado.iostream import StreamClosedError

from immich_drop import lending as module
from immich_drop.lending import LendableStream


def connected() -> tuple[LendableStream, socket.socket]:
    """Return our end of a connection, and a guest's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        guest = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
    return LendableStream(ours), guest


async def pulled(loan: module.Loan, size: int) -> bytes:
    """Have a thread pull `size` bytes."""
    space = bytearray(size)
    count = await asyncio.to_thread(loan.pull, memoryview(space))
    return bytes(space[:count])


@pytest.mark.gen_test
async def test_a_thread_reads_on_where_the_loop_stopped_and_back() -> None:
    stream, guest = connected()
    with guest:
        guest.sendall(b"the loop ")
        assert await stream.read_bytes(9) == b"the loop "
        for _ in range(2):
            guest.sendall(b"the thread ")
            with stream.lend() as loan:
                assert await pulled(loan, 11) == b"the thread "
            guest.sendall(b"the loop ")
            assert await stream.read_bytes(9) == b"the loop "
        stream.close()


@pytest.mark.gen_test
async def test_the_loop_leaves_a_lent_socket_alone() -> None:
    stream, guest = connected()
    with guest:
        reading = asyncio.ensure_future(stream.read_bytes(1))
        await asyncio.sleep(0)  # it waits for the socket from now on
        guest.sendall(b"a")
        assert await reading == b"a"
        stream.set_close_callback(lambda: None)  # as HTTP1Connection does, which makes it listen
        with stream.lend() as loan:
            guest.sendall(b"for the thread")
            for _ in range(3):  # turns of the loop, in which it hears of the bytes
                await asyncio.sleep(0)
            assert stream.ahead == 0
            assert await pulled(loan, 14) == b"for the thread"
        guest.sendall(b"z")
        assert await stream.read_bytes(1) == b"z"
        stream.close()


@pytest.mark.gen_test
async def test_who_is_slow_gets_what_came_and_no_more_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    stream, guest = connected()
    with guest, stream.lend() as loan:
        assert await pulled(loan, 10) == b""
        guest.sendall(b"some")
        assert await pulled(loan, 10) == b"some"
        assert not loan.gone
    assert not stream.closed()
    stream.close()


@pytest.mark.gen_test
async def test_a_loan_ends_so_that_the_loop_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TERM", -1)
    stream, guest = connected()
    with guest, stream.lend() as loan:
        guest.sendall(b"for the loop")
        assert await pulled(loan, 12) == b""
        assert not loan.gone
    assert await stream.read_bytes(12) == b"for the loop"
    stream.close()


@pytest.mark.gen_test
@pytest.mark.parametrize("how", ["fin", "reset"])
async def test_a_guest_who_goes_leaves_what_came(how: str) -> None:
    stream, guest = connected()
    with stream.lend() as loan:
        guest.sendall(b"the last words")
        assert await pulled(loan, 9) == b"the last "
        if how == "reset":
            assert await pulled(loan, 5) == b"words"  # a reset takes along what was not read
            guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        guest.close()
        if how == "fin":
            assert await pulled(loan, 100) == b"words"
        assert await pulled(loan, 100) == b""
        assert loan.gone
    stream.close()


@pytest.mark.gen_test
async def test_a_stream_that_is_closed_stops_the_thread_before_its_socket_goes() -> None:
    stream, guest = connected()
    with guest, stream.lend() as loan:
        pulling = asyncio.create_task(pulled(loan, 100))
        await asyncio.sleep(0)
        number = stream.socket.fileno()
        stream.close()
        assert await pulling == b""
        assert loan.gone
        assert stream.socket.fileno() == number
    assert stream.socket is None
    with pytest.raises(StreamClosedError):
        await stream.read_bytes(1)


@pytest.mark.gen_test
async def test_a_stream_that_is_closed_is_lent_to_nobody() -> None:
    stream, guest = connected()
    stream.close()
    with guest, stream.lend() as loan:
        assert loan.gone
        assert await pulled(loan, 1) == b""
