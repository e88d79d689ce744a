"""Too much of everything: connections, messages, checksums, guesses."""

import hashlib
import json
import secrets
import shutil
import socket
import struct
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.process import Process
from harness.product import SERVER, Product, environment, running
from harness.tus import VERSION, Tus
from harness.wait import until
from harness.websocket import TEXT, WebSocket
from harness.wire import Connection, Hangup
from tornado.iostream import IOStream
from tornado.web import Application

from attack.impatient import impatient_app
from attack.test_answers import checked
from immich_drop.connections import BoundedServer
from immich_drop.handlers.base import HEADERS
from immich_drop.handlers.forwarded import subscriber

MEGABYTE = 1 << 20


def resident(product: Product) -> int:
    """Return the bytes of memory which the product holds."""
    pages = Path(f"/proc/{product.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def crowd(stack: ExitStack, product: Product, size: int) -> list[Connection]:
    """Open connections that say nothing."""
    return [stack.enter_context(product.tus.connect()) for _ in range(size)]


class TestConnections:
    def test_of_one_address(self, immich: Immich, tmp_path: Path) -> None:
        with running(tmp_path, **immich.settings, LIMIT_CONNECTIONS="5") as product:
            with ExitStack() as stack:
                inside = crowd(stack, product, 5)
                for _ in range(3):
                    with product.tus.connect() as connection:
                        answer = connection.ask("GET", "/")
                        refused(answer, 429, "too_many_connections")
                        assert int(answer["Retry-After"]) > 0
                        assert answer["Tus-Resumable"], "else the page takes it for a proxy's"
                        checked(answer)
                        assert connection.until_closed() == b""
                assert inside[0].ask("GET", "/healthz").status == 200
                inside[1].close()
                until(lambda: product.tus.ask("GET", "/healthz").status == 200, "a free place")
            until(lambda: product.tus.ask("GET", "/healthz").status == 200, "all to be free")
            assert "127.0.0.1 has LIMIT_CONNECTIONS (5) connections" in product.log

    def test_a_websocket_is_one(self, immich: Immich, tmp_path: Path) -> None:
        with running(tmp_path, **immich.settings, LIMIT_CONNECTIONS="1") as product:
            with WebSocket(product.address) as page:
                page.say({"session": secrets.token_hex(16)})
                assert page.hear()["type"] == "snapshot"
                refused(product.tus.ask("GET", "/"), 429, "too_many_connections")
            until(lambda: product.tus.ask("GET", "/healthz").status == 200, "the place to be free")

    def test_a_proxy_speaks_for_many(self, immich: Immich, tmp_path: Path) -> None:
        limits = {"LIMIT_CONNECTIONS": "2", "TRUSTED_PROXIES": "127.0.0.1"}
        with running(tmp_path, **immich.settings, **limits) as product, ExitStack() as stack:
            for connection in crowd(stack, product, 10):
                assert connection.ask("GET", "/healthz").status == 200

    @pytest.mark.gen_test
    async def test_a_network_of_ipv6_is_one_subscriber(self) -> None:
        server = BoundedServer(
            Application(),
            most=2,
            exempt=lambda _: False,
            subscriber=subscriber,
            headers=HEADERS,
            idle=5.0,
        )

        def come(address: str) -> IOStream:
            inside, outside = socket.socketpair()
            server.handle_stream(IOStream(inside), (address, 0, 0, 0))
            return IOStream(outside)

        network, neighbour = "2001:db8::", "2001:db8:0:1::"
        guests = [come(f"{each}9") for each in (network, network + "a:", network + "b:", neighbour)]
        for guest in guests:
            await guest.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        told = [await guest.read_until(b"\r\n") for guest in guests]
        assert [line.split()[1] for line in told] == [b"404", b"404", b"429", b"404"]
        for guest in guests:
            guest.close()
        await server.close_all_connections()

    @pytest.mark.skipif(not shutil.which("prlimit"), reason="util-linux is not there")
    def test_of_all_together(self, immich: Immich, tmp_path: Path) -> None:
        """More than there are files to open for them: uploads under way are not harmed."""
        env = environment({**immich.settings, "LIMIT_CONNECTIONS": "0", "PATH": "/usr/bin:/bin"})
        command = ["prlimit", "--nofile=200:200", sys.executable, str(SERVER)]
        process = Process(command, env=env, cwd=tmp_path)
        try:
            tus = Tus(process.address())
            data = b"in the middle of a crowd" * 1000
            url = tus.create(len(data))
            with ExitStack() as stack, tus.connect() as guest:
                assert guest.ask("HEAD", url, VERSION).status == 200
                for _ in range(300):
                    stack.enter_context(tus.connect())
                headers = VERSION | {"Upload-Offset": "0"}
                headers["Content-Type"] = "application/offset+octet-stream"
                assert guest.ask("PATCH", url, headers, data).status == 204
                immich.wait_for(data)
                with suppress(Hangup, ConnectionError):
                    refused(tus.ask("GET", "/"), 429, "too_many_connections")
            until(lambda: tus.ask("GET", "/healthz").status == 200, "the crowd to leave")
            assert process.stop() == 0
            assert "Traceback" not in process.log, process.log[-2000:]
        finally:
            process.kill()


class TestMessages:
    def test_a_page_that_asks_and_never_listens(
        self, immich: Immich, tmp_path: Path, session: str
    ) -> None:
        """Answers pile up on its side, not on ours."""
        ping = json.dumps({"type": "ping"}).encode()
        frame = struct.pack("!BB", 0x80 | TEXT, 0x80 | len(ping)) + bytes(4) + ping
        with impatient_app(tmp_path, immich.settings) as drop, WebSocket(drop.address) as deaf:
            deaf.say({"session": session})
            deaf.hear()
            (handler,) = drop.app._sockets
            stream = handler.ws_connection.stream  # type: ignore[attr-defined,union-attr]
            # Or else the system would hold megabytes of answers for us.
            for end in (stream.socket, deaf._connection._socket):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf._connection._socket.settimeout(1)
            with pytest.raises(TimeoutError):
                deaf._connection.send(frame * 100_000)
            assert len(stream._write_buffer) < 1000

    @pytest.mark.parametrize("size", [64 * 1024 + 1, 1 << 40])
    def test_a_frame_that_is_far_too_long(self, product: Product, size: int) -> None:
        with WebSocket(product.address) as page:
            page._connection.send(struct.pack("!BBQ", 0x80 | TEXT, 0x80 | 127, size) + bytes(4))
            with pytest.raises(Hangup):
                page.hear()

    def test_a_message_in_pieces_without_end(self, product: Product) -> None:
        before = resident(product)
        with WebSocket(product.address) as page:
            page._connection.send(struct.pack("!BBH", TEXT, 0x80 | 126, 60_000) + bytes(60_004))
            pieces = (struct.pack("!BBH", 0, 0x80 | 126, 60_000) + bytes(60_004)) * 1000
            with pytest.raises(OSError, match=r"reset|pipe"):
                page._connection.send(pieces)
        assert resident(product) - before < 20 * MEGABYTE


class TestGuesses:
    def test_ids_are_too_many(self, tus: Tus) -> None:
        ids = {tus.create(3).rpartition("/")[2] for _ in range(50)}
        assert {len(id_) for id_ in ids} == {22}
        assert len({id_[:4] for id_ in ids}) > 45
        assert len({id_[-4:] for id_ in ids}) > 45

    def test_a_checksum_tells_nothing_that_did_not_come_through_here(
        self, product: Product, immich: Immich, session: str
    ) -> None:
        """What else is in the library is none of a guest's business."""
        ours, theirs = f"ours {session}".encode(), f"theirs {session}".encode()
        with running(product.folder / session, **immich.settings) as other:
            other.tus.upload(theirs)
            immich.wait_for(theirs)
        product.tus.upload(ours)
        immich.wait_for(ours)
        hashes = [hashlib.sha1(data).hexdigest() for data in (ours, theirs)]
        question = json.dumps({"session": session, "checksums": hashes}).encode()

        def known() -> list[str]:
            return product.tus.ask("POST", "/api/known", {}, question).json()["known"]

        until(known, "the ledger to know")
        assert known() == hashes[:1]

    def test_questions_are_counted(self, immich: Immich, tmp_path: Path, session: str) -> None:
        hashes = [f"{number:040x}" for number in range(100)]
        question = json.dumps({"session": session, "checksums": hashes}).encode()
        with running(tmp_path, **immich.settings) as product, product.tus.connect() as connection:
            for _ in range(200):
                answer = connection.ask("POST", "/api/known", {}, question)
                if answer.status == 429:
                    break
            refused(answer, 429, "rate_limited")
            assert 0 < int(answer["Retry-After"]) <= 60

    def test_figures_are_counted_and_the_page_is_not(self, immich: Immich, tmp_path: Path) -> None:
        settings = {"METRICS": "true", **immich.settings}
        with running(tmp_path, **settings) as product, product.tus.connect() as connection:
            assert b'drop_ready{part="spool"} 1.0' in connection.ask("GET", "/metrics").body
            statuses = {connection.ask("GET", "/metrics").status for _ in range(700)}
            assert statuses == {200, 429}
            for target in ("/", "/api/config", "/healthz"):
                assert connection.ask("GET", target).status == 200

    @pytest.mark.parametrize(("length", "status"), [(200, 200), (300, 404)])
    def test_no_long_code_is_drawn(self, tus: Tus, length: int, status: int) -> None:
        """To draw what only the request itself calls us takes longer and longer."""
        assert tus.ask("GET", "/qr.svg", {"Host": "a" * length}).status == status
