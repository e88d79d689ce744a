"""The streamed upload against servers that answer early, hang up, stall or say nothing."""

import asyncio
import errno
import gc
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from harness.wait import eventually

from immich_drop.errors import (
    ImmichKeyRejected,
    ImmichTooLarge,
    ImmichTrouble,
    ImmichUnavailable,
)
from immich_drop.immich import ApiKey, Immich, Patience, Sent
from immich_drop.immich.post import Streamer, trust

MEGABYTE = 1 << 20
LENGTH = 64 * MEGABYTE
"""More than a connection takes that nobody reads."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve each connection, close it, and yield the base URL."""
    serving: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await serve(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(run(reader, writer)))

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/api"
    finally:
        listening.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def response(status: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


REJECTED = response("401 Unauthorized", '{"message": "Invalid API key"}', "Connection: close")
CREATED = response("201 Created", '{"id": "some-asset", "status": "created"}')


def blocks(length: int) -> Generator[memoryview]:
    block = memoryview(bytes(2 * MEGABYTE))
    for start in range(0, length, len(block)):
        yield block[: length - start]


async def send(
    url: str,
    *,
    length: int = LENGTH,
    source: Generator[memoryview] | None = None,
    sent: Callable[[int], None] = lambda _: None,
    patience: Patience | None = None,
) -> Sent:
    immich = Immich(base_url=url, credential=ApiKey("secret"), max_connections=2, patience=patience)
    try:
        return await immich.send(
            name="photo.jpg",
            length=length,
            taken=datetime(2026, 7, 4, tzinfo=UTC),
            checksum=bytes(20),
            device_asset_id="drop",
            blocks=source or blocks(length),
            sent=sent,
        )
    finally:
        immich.close()


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(MEGABYTE):
        pass


async def whole(reader: asyncio.StreamReader) -> bytes:
    """Read a request to its end, and return its head."""
    head = await head_of(reader)
    (length,) = re.findall(rb"\r\nContent-Length: (\d+)\r\n", head)
    left = int(length)
    while left:
        left -= len(await reader.read(min(left, MEGABYTE)))
    return head


async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(REJECTED)


async def end_and_drain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(REJECTED)
    writer.write_eof()
    await drain(reader)


async def stay_and_drain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(REJECTED.replace(b"close", b"keep-alive"))
    await drain(reader)


async def continue_then_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    await reader.readexactly(MEGABYTE)
    writer.write(REJECTED)


async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(REJECTED)
    await asyncio.Event().wait()


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "serve", [close_at_once, end_and_drain, stay_and_drain, continue_then_close, never_read]
)
async def test_an_early_answer_is_heard_and_ends_the_sending(serve: Serve) -> None:
    for _ in range(5):
        progress: list[int] = []
        async with server(serve) as url:
            with pytest.raises(ImmichKeyRejected, match="Invalid API key"):
                await send(url, sent=progress.append)
        assert max(progress, default=0) < LENGTH / 2


@pytest.mark.gen_test
async def test_a_proxy_that_takes_no_large_bodies() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        page = "<html>413 Request Entity Too Large</html>"
        writer.write(f"HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\n{page}".encode())

    async with server(serve) as url:
        with pytest.raises(ImmichTooLarge, match="413"):
            await send(url)


@pytest.mark.gen_test
async def test_what_arrives_is_what_was_announced_and_no_more() -> None:
    request: asyncio.Future[tuple[bytes, bytes, bytes]] = asyncio.Future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await head_of(reader)
        (length,) = re.findall(rb"\r\nContent-Length: (\d+)\r\n", head)
        body = await reader.readexactly(int(length))
        writer.write(CREATED)
        request.set_result((head, body, await reader.read()))

    progress: list[int] = []
    async with server(serve) as url:
        sent = await send(url, length=3 * MEGABYTE + 1, sent=progress.append)
        head, body, surplus = await request
    assert sent == Sent(asset_id="some-asset", created=True)
    assert surplus == b""
    assert head.startswith(b"POST /api/assets HTTP/1.1\r\n")
    assert b"\r\nX-Api-Key: secret\r\n" in head
    assert b"\r\nX-Immich-Checksum: " + b"00" * 20 + b"\r\n" in head
    assert b"Expect" not in head
    assert b"chunked" not in head
    (boundary,) = re.findall(rb"boundary=(\S+)\r\n", head)
    parts = body.split(b"--" + boundary)
    assert [*re.findall(rb'; name="(\w+)"', body)] == [
        b"deviceAssetId",
        b"deviceId",
        b"fileCreatedAt",
        b"fileModifiedAt",
        b"isFavorite",
        b"assetData",
    ]
    assert b"\r\n\r\n2026-07-04T00:00:00.000Z\r\n" in parts[3]
    assert parts[6].partition(b"\r\n\r\n")[2] == bytes(3 * MEGABYTE + 1) + b"\r\n"
    assert parts[7] == b"--\r\n"
    assert progress == sorted(set(progress))
    assert progress[-1] == 3 * MEGABYTE + 1


@pytest.mark.gen_test
async def test_a_connection_that_is_cut() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        await reader.readexactly(MEGABYTE)
        writer.transport.abort()

    async with server(serve) as url:
        with pytest.raises(ImmichTrouble, match="cut"):
            await send(url)


@contextmanager
def resetting() -> Iterator[str]:
    """Accept connections and reset each at once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def reset() -> None:
            with suppress(OSError):
                while True:
                    accepted, _ = listening.accept()
                    # SO_LINGER with no time: closing sends RST.
                    linger = struct.pack("ii", 1, 0)
                    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    accepted.close()

        thread = threading.Thread(target=reset)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.gen_test
async def test_a_connection_that_is_cut_as_soon_as_it_is_made() -> None:
    """Tornado may have closed it when its connect returns, and a closed one has no socket."""
    with resetting() as url:
        for _ in range(200):
            with pytest.raises((ImmichTrouble, ImmichUnavailable)):
                await send(url, length=1)


@pytest.mark.gen_test
async def test_an_answer_that_is_lost() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole(reader)

    async with server(serve) as url:
        with pytest.raises(ImmichTrouble, match="cut before an answer"):
            await send(url, length=MEGABYTE)


@pytest.mark.gen_test
async def test_no_http_at_all() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole(reader)
        writer.write(b"220 mail.example ESMTP\r\n\r\n")

    async with server(serve) as url:
        with pytest.raises(ImmichTrouble, match="cut before an answer"):
            await send(url, length=MEGABYTE)


async def until_closed(reader: asyncio.StreamReader) -> None:
    """Return when the peer has closed, which reading alone would not show while it sends."""
    with suppress(ConnectionError):
        await drain(reader)


@pytest.mark.gen_test
async def test_a_server_that_stops_reading() -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        await resume.wait()
        await until_closed(reader)
        closed.set()

    resume = asyncio.Event()
    async with server(serve) as url:
        with pytest.raises(ImmichTrouble, match=r"nothing taken for 0\.2 s"):
            await send(url, patience=Patience(idle=0.2))
        resume.set()
        await closed.wait()


@pytest.mark.gen_test
async def test_a_slow_server_is_not_a_stalled_one() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        while len(await reader.read(4 * MEGABYTE)):
            await asyncio.sleep(0.001)

    async with server(serve) as url:
        # Cut at the end, for it never answers: all of the body went through.
        progress: list[int] = []
        with pytest.raises(ImmichTrouble, match="no answer within"):
            await send(url, sent=progress.append, patience=Patience(idle=2, answer=0.1))
    assert progress[-1] == LENGTH


@pytest.mark.gen_test
async def test_a_server_that_never_answers() -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole(reader)
        await until_closed(reader)
        closed.set()

    async with server(serve) as url:
        with pytest.raises(ImmichTrouble, match=r"no answer within 0\.1 s"):
            await send(url, length=MEGABYTE, patience=Patience(answer=0.1))
        await closed.wait()


def asked_whether_still_there(port: int) -> float | None:
    """Return in how many seconds the kernel asks the peer of the connection from `port`."""
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, local, _, _, _, timer, *_ = line.split()
        kind, _, ticks = timer.partition(":")
        if local.endswith(f":{port:04X}") and kind == "02":
            return int(ticks, 16) / os.sysconf("SC_CLK_TCK")
    return None


@pytest.mark.skipif(sys.platform != "linux", reason="who else tells what a socket is about to do?")
@pytest.mark.gen_test
async def test_a_machine_that_is_gone_is_not_waited_for() -> None:
    """Its power failed, say: no packet tells. All who wait for its answer would keep their turn."""
    asked: list[float] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole(reader)
        port = writer.get_extra_info("peername")[1]
        asked.append(await eventually(lambda: asked_whether_still_there(port)))
        writer.write(CREATED)

    async with server(serve) as url:
        await send(url, length=1000)
    assert max(asked) <= 60


@pytest.mark.gen_test
@pytest.mark.parametrize("length", [LENGTH, MEGABYTE], ids=["in mid-body", "before the answer"])
async def test_cancelling_closes_the_connection(length: int) -> None:
    reached, resume, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if length < LENGTH:
            await whole(reader)
        else:
            await head_of(reader)
        reached.set()
        await resume.wait()
        await until_closed(reader)
        closed.set()

    async with server(serve) as url:
        sending = asyncio.create_task(send(url, length=length))
        await reached.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        resume.set()
        await closed.wait()


@pytest.mark.gen_test
async def test_nobody_reads_the_blocks_after_an_early_answer() -> None:
    reading = 0

    def source() -> Generator[memoryview]:
        nonlocal reading
        for _ in range(LENGTH // MEGABYTE):
            reading += 1
            yield memoryview(bytes(MEGABYTE))
            reading -= 1

    blocks = source()
    async with server(close_at_once) as url:
        with pytest.raises(ImmichKeyRejected):
            await send(url, source=blocks)
    assert blocks.gi_frame is None
    assert reading <= 1


@pytest.mark.gen_test
async def test_whoever_is_cancelled_waits_for_the_thread_that_reads() -> None:
    """It would read from a file that somebody has closed."""
    reading, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def source() -> Generator[memoryview]:
        loop.call_soon_threadsafe(reading.set)
        go_on.wait()
        yield memoryview(bytes(MEGABYTE))

    blocks = source()
    async with server(lambda reader, _: drain(reader)) as url:
        sending = asyncio.create_task(send(url, source=blocks))
        await reading.wait()
        for _ in range(3):
            sending.cancel()
            await asyncio.sleep(0)
            assert not sending.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert blocks.gi_frame is None


@pytest.mark.gen_test
@pytest.mark.parametrize("real", [0, MEGABYTE - 1, MEGABYTE + 1, 3 * MEGABYTE])
async def test_a_file_that_changed_its_length_is_never_completed(real: int) -> None:
    received: asyncio.Future[bytes] = asyncio.Future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        received.set_result(await reader.read())

    async with server(serve) as url:
        with pytest.raises(ImmichTrouble, match="the file has"):
            await send(url, length=MEGABYTE, source=blocks(real))
        _, _, file = (await received).partition(b"application/octet-stream\r\n\r\n")
    assert file == bytes(len(file))
    assert len(file) <= min(real, MEGABYTE)


@pytest.mark.gen_test
async def test_what_the_disk_raises_comes_through() -> None:
    def source() -> Generator[memoryview]:
        yield memoryview(bytes(MEGABYTE))
        raise OSError(5, "Input/output error")

    async with server(lambda reader, _: drain(reader)) as url:
        with pytest.raises(OSError, match="Input/output error"):
            await send(url, source=source())


@pytest.mark.gen_test
async def test_nothing_keeps_the_last_block_of_a_delivery_that_failed() -> None:
    """While Immich is down there are many, and the collector comes when it likes."""
    blocks: list[weakref.ref[memoryview]] = []

    def source() -> Generator[memoryview]:
        for _ in range(LENGTH // MEGABYTE):
            block = memoryview(bytes(MEGABYTE))
            blocks.append(weakref.ref(block))
            yield block

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        await asyncio.Event().wait()

    gc.collect()
    gc.disable()
    try:
        async with server(serve) as url:
            with suppress(ImmichTrouble):
                await send(url, source=source(), patience=Patience(idle=0.1))
            await asyncio.sleep(0)  # the loop has the outcome in hand while it wakes us
            assert blocks
            assert [block() for block in blocks] == [None] * len(blocks)
    finally:
        gc.enable()


def sockets_at(port: int) -> list[socket.socket]:
    """Return the sockets of this process whose own port that is."""
    found = (each for each in gc.get_objects() if isinstance(each, socket.socket))
    inet = [each for each in found if each.fileno() >= 0 and each.family == socket.AF_INET]
    return [each for each in inet if each.getsockname()[1] == port]


@pytest.mark.gen_test
async def test_the_end_of_a_form_does_not_wait_for_what_was_before_it() -> None:
    """It did for 40 ms over TLS, and for a round trip elsewhere: Nagle's algorithm."""
    waits: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole(reader)
        for each in sockets_at(writer.get_extra_info("peername")[1]):
            waits.append(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.write(CREATED)

    async with server(serve) as url:
        await send(url, length=1000)
    assert waits
    assert all(waits)


@pytest.mark.gen_test
async def test_when_no_more_files_can_be_opened_the_connection_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await until_closed(reader)
        closed.set()

    def none_left(_: socket.socket) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    async with server(serve) as url:
        monkeypatch.setattr(socket.socket, "dup", none_left)
        with pytest.raises(ImmichTrouble, match="Too many open files"):
            await send(url)
        await closed.wait()


@pytest.mark.gen_test
async def test_memory_stays_flat() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole(reader)
        writer.write(CREATED)

    async with server(serve) as url:
        tracemalloc.start()
        try:
            await send(url, length=2 * LENGTH)
            assert tracemalloc.get_traced_memory()[1] < 16 * MEGABYTE
        finally:
            tracemalloc.stop()


@pytest.mark.gen_test
async def test_nobody_listens() -> None:
    async with server(close_at_once) as url:
        pass
    with pytest.raises(ImmichUnavailable, match="ConnectionRefusedError"):
        await send(url)


@pytest.mark.gen_test
async def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(ImmichUnavailable, match="gaierror"):
        await send("http://immich.invalid:2283/api")


@pytest.mark.gen_test
async def test_tls_where_there_is_none() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(REJECTED)

    async with server(serve) as url:
        with pytest.raises(ImmichUnavailable, match="SSLError"):
            await send(url.replace("http:", "https:"))


@pytest.fixture(name="certificate")
def certificate_fixture(tmp_path: Path) -> Path:
    """Make a certificate for 127.0.0.1, with its key in the same file."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *subject, *files], check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + key.read_text())
    return certificate


@pytest.fixture(name="new_trust")
def new_trust_fixture() -> Iterator[Callable[[], None]]:
    """Return what makes the process read its certificates again; in the end it does so anyway."""
    trust.cache_clear()
    yield trust.cache_clear
    trust.cache_clear()


def test_the_certificates_we_trust_are_read_once() -> None:
    """They take a megabyte, and there are clients for each link and each question about one."""
    one, other = (Streamer(f"https://{host}.example/api", Patience()) for host in "ab")
    assert one._tls is other._tls is not None
    assert Streamer("http://a.example/api", Patience())._tls is None


@pytest.fixture(name="tls")
def tls_fixture(certificate: Path) -> ssl.SSLContext:
    """Make the server's side of TLS."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    return tls


@pytest.fixture(name="trusted")
def trusted_fixture(
    certificate: Path,
    tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    new_trust: Callable[[], None],
) -> ssl.SSLContext:
    """Make the server's side of TLS, with a certificate we trust."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    new_trust()
    return tls


@pytest.mark.gen_test
async def test_over_tls(trusted: ssl.SSLContext) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole(reader)
        writer.write(CREATED)

    async with server(serve, trusted) as url:
        assert (await send(url)).asset_id == "some-asset"
    async with server(close_at_once, trusted) as url:
        with pytest.raises(ImmichKeyRejected):
            await send(url)


@pytest.mark.gen_test
async def test_a_certificate_nobody_vouches_for(tls: ssl.SSLContext) -> None:
    async with server(close_at_once, tls) as url:
        with pytest.raises(ImmichUnavailable, match="certificate verify failed"):
            await send(url)


@pytest.mark.gen_test
async def test_a_server_that_stops_reading_over_tls(trusted: ssl.SSLContext) -> None:
    reached, resume = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        reached.set()
        await resume.wait()

    async with server(serve, trusted) as url:
        with pytest.raises(ImmichTrouble, match=r"nothing taken for 0\.2 s"):
            await send(url, patience=Patience(idle=0.2))
        reached.clear()
        sending = asyncio.create_task(send(url))
        await reached.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        resume.set()
