"""Connections that are held open at little cost: they end, and honest slowness does not."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.tus import OCTETS, VERSION, Tus, metadata, patch_headers
from harness.wire import Address, Connection, chunked, request

from attack.impatient import IDLE, impatient

SOON = 8 * IDLE


@pytest.fixture(name="address", scope="module")
def fixture_address(immich: Immich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with impatient(tmp_path_factory.mktemp("drop"), immich.settings) as address:
        yield address


def drip(connection: Connection, data: bytes, *, pause: float, size: int = 1) -> None:
    """Send slowly until the other side has had enough of it."""
    ended = threading.Event()
    with suppress(OSError):
        for at in range(0, len(data), size):
            connection.send(data[at : at + size])
            ended.wait(pause)


def closed_in_time(address: Address, data: bytes, *, pause: float = 0.05) -> None:
    with Connection(address) as connection:
        started = time.monotonic()
        drip(connection, data, pause=pause)
        connection.until_closed()
        assert time.monotonic() - started < SOON
        assert len(data) * pause > 2 * SOON, "or else the end would be no wonder"


SLOW = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1000


def test_headers(address: Address) -> None:
    closed_in_time(address, SLOW)


def test_headers_of_the_second_request(address: Address) -> None:
    with Connection(address) as connection:
        assert connection.ask("GET", "/healthz").status == 200
        started = time.monotonic()
        drip(connection, SLOW, pause=0.05)
        assert time.monotonic() - started < SOON


def test_no_word_at_all(address: Address) -> None:
    with Connection(address) as connection:
        started = time.monotonic()
        assert connection.until_closed() == b""
        assert time.monotonic() - started < SOON


@pytest.mark.parametrize("sent", [b"", b"{"], ids=["nothing", "a byte"])
def test_a_question_that_is_never_whole(address: Address, sent: bytes) -> None:
    with Connection(address) as connection:
        started = time.monotonic()
        headers = {"Content-Length": "100", "Content-Type": "application/json"}
        connection.send(request("POST", "/api/known", headers) + sent)
        connection.until_closed()
        assert time.monotonic() - started < SOON


@pytest.mark.parametrize("size", [2_000, 2_000_000], ids=["small", "large"])
def test_a_body_of_known_length(address: Address, size: int) -> None:
    """Every byte that came is kept, slow as it was."""
    tus = Tus(address)
    url = tus.create(size)
    head = request("PATCH", url, patch_headers(0, **{"Content-Length": str(size)}))
    with tus.connect() as connection:
        connection.send(head)
        started = time.monotonic()
        drip(connection, b"x" * 1000, pause=0.05)
        assert time.monotonic() - started < SOON
    assert 0 < tus.offset(url) < 200


def test_a_chunked_body(address: Address) -> None:
    tus = Tus(address)
    url = tus.create(2000)
    with tus.connect() as connection:
        connection.send(request("PATCH", url, patch_headers(0, **{"Transfer-Encoding": "chunked"})))
        started = time.monotonic()
        drip(connection, chunked(*[b"x"] * 300, end=False), pause=0.05, size=6)
        assert time.monotonic() - started < SOON
    assert 0 < tus.offset(url) < 200


def test_a_refusal_is_whole_although_the_body_is_not(address: Address) -> None:
    headers = VERSION | {"Content-Type": OCTETS, "Content-Length": "1000", "Upload-Length": "1000"}
    with Connection(address) as connection:
        headers["Upload-Metadata"] = metadata(filename="a.exe")
        connection.send(request("POST", "/files/", headers))
        refused(connection.response(), 415, "type_not_accepted")


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_a_weak_link_is_none_of_these(address: Address, immich: Immich, coding: str) -> None:
    """5 kB a second for several times as long as silence is borne."""
    data = coding.encode() * 700
    tus = Tus(address)
    url = tus.create(len(data))
    if coding == "length":
        more, body = {"Content-Length": str(len(data))}, data
    else:
        pieces = [data[at : at + 250] for at in range(0, len(data), 250)]
        more, body = {"Transfer-Encoding": "chunked"}, chunked(*pieces)
    with tus.connect() as connection:
        connection.send(request("PATCH", url, patch_headers(0, **more)))
        started = time.monotonic()
        drip(connection, body, pause=0.05, size=250)
        assert connection.response(to="PATCH").status == 204
        assert time.monotonic() - started > 2 * IDLE
    immich.wait_for(data)
