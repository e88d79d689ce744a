"""Connections that end, stall, come back late or come twice: no byte is lost, none is mixed."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from harness.expect import refused
from harness.hostile import Hostile
from harness.immich import Immich
from harness.product import Product
from harness.tus import OCTETS, VERSION, Tus, metadata, patch_headers, sha1
from harness.wait import until
from harness.wire import Connection, Hangup, chunked, request

SOON = 1.0
"""Seconds in which a phone that came back is answered, whatever its old connection does."""


def pattern(size: int, seed: int = 0) -> bytes:
    """Return bytes of which no two stretches are alike."""
    return b"".join(b"%07d " % number for number in range(seed, seed + size // 8 + 1))[:size]


def begin(tus: Tus, url: str, offset: int, body: bytes, *, promised: int) -> Connection:
    """Send the first part of a PATCH that promised more, until the product has read all of it."""
    connection = tus.connect()
    headers = patch_headers(offset, **{"Content-Length": str(promised)})
    connection.send(request("PATCH", url, headers) + body)
    connection.settle()
    return connection


def timed_offset(tus: Tus, url: str) -> int:
    started = time.monotonic()
    offset = tus.offset(url)
    assert time.monotonic() - started < SOON
    return offset


SIZES = pytest.mark.parametrize(
    ("size", "sent"), [(100, 7), (1_000_000, 400_001), (6_000_000, 5_000_003)]
)
"""Small bodies and large ones take different ways through a server."""


@SIZES
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("at_once", [True, False])
def test_every_byte_before_a_fin_is_kept(
    tus: Tus, immich: Immich, size: int, sent: int, framing: str, at_once: bool
) -> None:
    """The end may come in the same packet as the first byte, before the product has looked."""
    data = f"{framing} {at_once} {size} ".encode() + pattern(size)
    url = tus.create(len(data))
    headers, body = {"Content-Length": str(len(data))}, data[:sent]
    if framing == "chunked":
        headers, body = {"Transfer-Encoding": "chunked"}, chunked(data[:sent], end=False)
    with tus.connect() as connection:
        connection.send(request("PATCH", url, patch_headers(0, **headers)) + body)
        if not at_once:
            connection.settle()
        connection.finish()
        connection.until_closed()
    assert timed_offset(tus, url) == sent
    assert tus.patch(url, sent, data[sent:]).status == 204
    immich.wait_for(data)


@SIZES
def test_every_byte_read_before_a_reset_is_kept(
    tus: Tus, immich: Immich, size: int, sent: int
) -> None:
    data = pattern(size, seed=2)
    url = tus.create(size)
    begin(tus, url, 0, data[:sent], promised=size).reset()
    assert timed_offset(tus, url) == sent
    assert tus.patch(url, sent, data[sent:]).status == 204
    immich.wait_for(data)


@pytest.mark.parametrize("end", ["fin", "reset", "garbage"])
def test_a_chunked_body_that_breaks_off(tus: Tus, immich: Immich, end: str) -> None:
    data = pattern(100_000) + end.encode()
    url = tus.create(len(data))
    with tus.connect() as connection:
        headers = patch_headers(0, **{"Transfer-Encoding": "chunked"})
        connection.send(request("PATCH", url, headers) + chunked(data[:70_000], end=False))
        connection.settle()
        if end == "reset":
            connection.reset()
        else:
            connection.send(b"zz\r\n" if end == "garbage" else b"")
            connection.finish()
            connection.until_closed()
    assert timed_offset(tus, url) == 70_000
    assert tus.patch(url, 70_000, data[70_000:]).status == 204
    immich.wait_for(data)


def test_a_creation_that_breaks_off_can_be_found_again(tus: Tus, session: str) -> None:
    """The page never learned the URL; session and item lead back to the bytes."""
    headers = VERSION | {"Content-Type": OCTETS, "Upload-Length": "1000", "Content-Length": "1000"}
    headers["Upload-Metadata"] = metadata(filename="a.jpg", session=session, item="1")
    with tus.connect() as connection:
        connection.send(request("POST", "/files/", headers) + pattern(600))
        connection.settle()
        connection.reset()
    url = tus.create(1000, session=session, item="1")
    assert tus.offset(url) == 600


@pytest.mark.parametrize("verb", ["HEAD", "PATCH", "DELETE"])
def test_a_connection_that_fell_silent_gives_way(tus: Tus, verb: str) -> None:
    url = tus.create(1000)
    with begin(tus, url, 0, b"x" * 400, promised=1000):
        assert timed_offset(tus, url) == 400
    with begin(tus, url, 400, b"x" * 100, promised=600):
        started = time.monotonic()
        body = b"x" * 500 if verb == "PATCH" else b""
        answer = tus.ask(verb, url, patch_headers(500), body)
        assert time.monotonic() - started < SOON
        assert answer.status == {"HEAD": 200, "PATCH": 204, "DELETE": 204}[verb]


def test_the_old_connection_is_told_or_closed(tus: Tus) -> None:
    url = tus.create(1000)
    with begin(tus, url, 0, b"x" * 400, promised=1000) as old:
        assert tus.offset(url) == 400
        try:
            answer = old.response(to="PATCH")
        except Hangup:
            return
        assert answer.status in {204, 423}


def test_late_bytes_of_an_old_connection_are_dropped(tus: Tus, immich: Immich) -> None:
    data = pattern(300_000, seed=3)
    url = tus.create(len(data))
    with Hostile(tus.address) as network, Tus(network.address).connect() as old:
        headers = patch_headers(0, **{"Content-Length": str(len(data))})
        old.send(request("PATCH", url, headers) + data[:100_000])
        until(lambda: network.sent > 100_000, "the first part to pass")
        network.freeze()
        old.send(b"!" * 100_000)
        offset = timed_offset(tus, url)
        network.thaw()
        with suppress(Hangup):
            old.response(to="PATCH")
        assert tus.offset(url) == offset
        assert tus.patch(url, offset, data[offset:]).status == 204
    immich.wait_for(data)


def test_two_patches_at_once_never_mix(tus: Tus, immich: Immich) -> None:
    size = 2_000_000
    bodies = [pattern(size, seed=4), pattern(size, seed=900_000)]
    url = tus.create(size)

    def attempt(body: bytes) -> str | None:
        try:
            return tus.patch(url, 0, body).get("Upload-Offset")
        except (Hangup, OSError):
            return None

    with ThreadPoolExecutor() as pool:
        offsets = list(pool.map(attempt, bodies))
    assert offsets.count(str(size)) <= 1
    offset = tus.offset(url)
    if offset < size:
        assert tus.patch(url, offset, bodies[0][offset:]).status == 204
    immich.wait_for(bodies[0], or_else=bodies[1][:offset] + bodies[0][offset:])


@pytest.mark.parametrize("size", [10, 100_000, 6_000_000])
def test_of_two_patches_at_once_one_is_acknowledged(tus: Tus, size: int) -> None:
    def attempt(url: str, letter: bytes) -> int | None:
        with suppress(Hangup, OSError):
            return tus.patch(url, 0, letter * size).status
        return None

    with ThreadPoolExecutor() as pool:
        for _ in range(5):
            url = tus.create(size)
            statuses = list(pool.map(attempt, [url, url], [b"a", b"b"]))
            assert statuses.count(204) == 1, statuses
            assert tus.offset(url) == size


def test_who_brought_all_of_it_is_told_whoever_else_asks(tus: Tus) -> None:
    for _ in range(10):
        url = tus.create(10)
        with tus.connect() as first:
            first.send(request("PATCH", url, patch_headers(0), b"ten bytes!"))
            if tus.offset(url) == 10:
                assert first.response(to="PATCH").status == 204


@pytest.mark.parametrize("offset", [0, 399])
def test_a_patch_that_comes_too_late_disturbs_nobody(tus: Tus, offset: int) -> None:
    """A conflict modifies nothing, so not the reception of who is further already."""
    url = tus.create(1000)
    with begin(tus, url, 0, b"x" * 400, promised=1000) as first:
        refused(tus.patch(url, offset, b"y" * 10), 409, "offset_conflict")
        first.send(b"x" * 600)
        assert first.response(to="PATCH").status == 204


def test_bytes_that_no_checksum_has_proven_keep_nobody_out(tus: Tus) -> None:
    url = tus.create(6)
    headers = {"Content-Length": "6", "Upload-Checksum": sha1(b"abcdef")}
    with tus.connect() as first:
        first.send(request("PATCH", url, patch_headers(0, **headers)) + b"abc")
        first.settle()
        assert tus.patch(url, 0, b"abcdef").status == 204


def test_the_newest_of_many_wins(tus: Tus, immich: Immich) -> None:
    """A phone in a lift: every second a new connection, none of the old ones ended."""
    data = pattern(100_000, seed=5)
    url = tus.create(len(data))
    with ExitStack() as stack:
        for _ in range(10):
            offset = timed_offset(tus, url)
            rest = len(data) - offset
            old = begin(tus, url, offset, data[offset : offset + 5_000], promised=rest)
            stack.enter_context(old)
        assert timed_offset(tus, url) == 50_000
        assert tus.patch(url, 50_000, data[50_000:]).status == 204
    immich.wait_for(data)


def test_stalled_connections_starve_nobody(tus: Tus, product: Product) -> None:
    with ExitStack() as stack:
        for _ in range(10):
            stalled = tus.create(1_000_000)
            stack.enter_context(begin(tus, stalled, 0, b"x" * 300_000, promised=1_000_000))
        started = time.monotonic()
        tus.upload(b"y" * 1_000_000)
        assert tus.ask("GET", "/healthz", {}).status == 200
        assert time.monotonic() - started < 3 * SOON


def test_a_trickle_arrives(tus: Tus, immich: Immich) -> None:
    data = b"one byte at a time"
    url = tus.create(len(data))
    whole = request("PATCH", url, patch_headers(0), data)
    with tus.connect() as connection:
        for position in range(len(whole)):
            connection.send(whole[position : position + 1])
        assert connection.response(to="PATCH").status == 204
    immich.wait_for(data)


def test_a_slow_network_makes_no_difference(tus: Tus, immich: Immich) -> None:
    data = pattern(100_000, seed=6)
    with Hostile(tus.address) as network:
        network.rate = 200_000
        Tus(network.address).upload(data)
    immich.wait_for(data)


def test_an_upload_through_many_cuts_is_sent_once(tus: Tus, immich: Immich) -> None:
    data = pattern(2_000_000, seed=7)
    url = tus.create(len(data))
    with Hostile(tus.address) as network:
        network.allowance = 300_000
        while (offset := timed_offset(tus, url)) < len(data):
            try:
                Tus(network.address).patch(url, offset, data[offset:])
            except (Hangup, OSError):
                until(network.quiet, "the server to notice the cut")
        assert network.sent < 1.02 * len(data)
    immich.wait_for(data)


def test_a_conflict_costs_no_byte(tus: Tus) -> None:
    url = tus.create(1000)
    tus.patch(url, 0, b"x" * 400)
    refused(tus.patch(url, 300, b"y" * 700), 409, "offset_conflict")
    refused(tus.patch(url, 500, b"y" * 500), 409, "offset_conflict")
    assert tus.offset(url) == 400
