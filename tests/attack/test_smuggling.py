"""Bytes of a file that look like requests are bytes of a file, whatever happens on the way.

Framing that is wrong in itself is in `test_bad_input`.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from harness.immich import Immich
from harness.product import Product
from harness.tus import OCTETS, VERSION, Tus, metadata, patch_headers
from harness.wait import until
from harness.wire import Hangup, chunked, request


def lookalike(victim: str, size: int) -> bytes:
    """Make a file that would delete `victim`, wherever in it a parser begins to read."""
    return (request("DELETE", victim, VERSION) * (size // 50))[:size]


@pytest.fixture(scope="module", autouse=True)
def _soiled(product: Product) -> None:
    """Fill the buffers which bodies share with what a parser would like to find there."""
    tus = product.tus
    tus.upload(lookalike(tus.create(3), 20_000_000))


@pytest.mark.parametrize("size", [5_000, 9_000_000], ids=["small", "large"])
@pytest.mark.parametrize("end", ["reset", "close", "newer"])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_a_cut_in_the_middle(tus: Tus, product: Product, size: int, end: str, coding: str) -> None:
    victim, url = tus.create(3), tus.create(size)
    data = lookalike(victim, size)
    sent = data[: size * 2 // 3]
    if coding == "length":
        headers, body = {"Content-Length": str(size)}, sent
    else:
        pieces = [sent[at : at + 1_000_000] for at in range(0, len(sent), 1_000_000)]
        headers, body = {"Transfer-Encoding": "chunked"}, chunked(*pieces, end=False)
    with tus.connect() as connection:
        connection.send(request("PATCH", url, patch_headers(0, **headers)) + body)
        connection.settle()
        if end == "newer":
            assert tus.offset(url) == len(sent)
            connection.until_closed()
        elif end == "reset":
            connection.reset()
        else:
            connection.finish()
            connection.until_closed()
    assert tus.offset(url) == len(sent)
    assert tus.offset(victim) == 0
    assert "Traceback" not in product.log


@pytest.mark.parametrize("size", [300, 300_000])
def test_what_follows_a_refusal(tus: Tus, size: int) -> None:
    """The body of a refused request is read or the connection ends; it is never a request."""
    victim = tus.create(3)
    body = lookalike(victim, size)
    asks = [
        ("POST", "/files/", {"Upload-Length": str(size), "Upload-Metadata": "filename YS5leGU="}),
        ("PATCH", "/files/AAAAAAAAAAAAAAAAAAAAAA", {"Upload-Offset": "0"}),
        ("PATCH", victim, {"Upload-Offset": "2"}),
        ("POST", "/files/", {"Tus-Resumable": "0.1"}),
        ("POST", "/files/", {"Origin": "https://evil.example"}),
        ("PUT", victim, {}),
        ("POST", "/api/known", {}),
        ("POST", "/nothing", {}),
    ]
    for method, target, more in asks:
        headers = VERSION | {"Content-Type": OCTETS} | more
        with tus.connect() as connection:
            try:
                connection.send(request(method, target, headers, body) + request("GET", "/healthz"))
                connection.finish()
                assert connection.response(to=method).status >= 400
                said = connection.until_closed()
            except (Hangup, OSError):
                continue
        assert said == b"" or said.count(b"HTTP/1.1 ") == said.count(b'{"status": "ok"}') == 1
        assert tus.offset(victim) == 0


def test_pipelined_requests_are_answered_in_order(tus: Tus, immich: Immich) -> None:
    data = b"pipelined " * 100
    url = tus.create(len(data))
    with tus.connect() as connection:
        connection.send(
            request("PATCH", url, patch_headers(0), data[:500])
            + request("PATCH", url, patch_headers(500), data[500:])
            + request("HEAD", url, VERSION)
            + request("GET", "/healthz")
        )
        assert connection.response(to="PATCH")["Upload-Offset"] == "500"
        assert connection.response(to="PATCH")["Upload-Offset"] == str(len(data))
        assert connection.response(to="HEAD")["Upload-Offset"] == str(len(data))
        assert connection.response().json() == {"status": "ok"}
    immich.wait_for(data)


def test_a_creation_with_a_lookalike(tus: Tus, immich: Immich) -> None:
    victim = tus.create(3)
    data = lookalike(victim, 100_000)
    meta = metadata(filename="a.jpg")
    assert tus.post(len(data), meta, body=data).status == 201
    immich.wait_for(data)
    until(lambda: tus.offset(victim) == 0, "the victim to be there")


@pytest.mark.parametrize("turn", range(2))
def test_a_takeover_in_full_flow(tus: Tus, product: Product, turn: int) -> None:
    """The old connection is closed while its bytes are on their way to disk."""
    victim, size = tus.create(3), 30_000_000
    url = tus.create(size)
    with ThreadPoolExecutor() as pool:
        pouring = pool.submit(tus.patch, url, 0, lookalike(victim, size))
        until(lambda: tus.offset(url) or pouring.done(), "bytes to flow")
        with suppress(Hangup, OSError):
            pouring.result()
    assert tus.offset(victim) == 0
    assert "Traceback" not in product.log, f"in turn {turn}"
