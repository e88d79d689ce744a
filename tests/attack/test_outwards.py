"""What Immich, or whoever answers in its place, can make the product do; and what guests can."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from harness.immich import Immich
from harness.product import Product
from harness.tus import Tus
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.httputil import parse_multipart_form_data

from immich_drop.immich.multipart import envelope
from immich_drop.names import clean_name

NAMES = st.one_of(
    st.text(max_size=300),
    st.text("\"\r\n\\/;=-:. aä\0\u2028\u202e\ud800'%&<>", max_size=40),
    st.sampled_from(
        [
            'a"; name="deviceAssetId',
            'a"\r\nContent-Type: text/html\r\n\r\n<b>',
            'a\r\n--drop-00\r\nContent-Disposition: form-data; name="isFavorite"\r\n\r\ntrue',
            "a\\",
            "a'; filename*=UTF-8''b.exe",
            "--",
        ]
    ),
).map(lambda stem: f"{stem}.jpg")


@pytest.fixture(name="trap")
def fixture_trap() -> Iterator[tuple[str, list[str]]]:
    """Serve what nobody must ask for, and note who did."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path} {self.headers}")
            self.send_response(200)
            self.end_headers()

        do_POST = do_PUT = do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/inside", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("match", "status"),
    [("POST /assets", 307), (".*", 302)],
)
def test_a_redirect_is_not_followed(
    tus: Tus,
    product: Product,
    immich: Immich,
    trap: tuple[str, list[str]],
    status: int,
    match: str,
) -> None:
    """It would take the key, and the photo, to wherever a login page or an attacker says."""
    target, asked = trap
    data = f"redirected {status} {match}".encode()
    with immich.fault("redirect", match=match, status=status, location=target, times=1):
        tus.upload(data)
        immich.wait_for(data)
    assert asked == []
    assert target not in product.log, "a query of a login page may hold a secret"


@settings(max_examples=120, deadline=None, derandomize=True)
@given(raw=NAMES)
def test_a_name_stays_within_its_quotes(raw: str) -> None:
    """The form has our fields, one file, and nothing that a guest put between them."""
    name = clean_name(raw)
    fields = {"deviceAssetId": "id", "isFavorite": "false"}
    form = envelope(fields=fields, name=name)
    boundary = form.content_type.partition("boundary=")[2]
    whole = form.head + b"the bytes" + form.tail
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[object]] = {}
    parse_multipart_form_data(boundary.encode(), whole, arguments, files)
    assert arguments == {key: [value.encode()] for key, value in fields.items()}
    ((file,),) = files.values()
    assert list(files) == ["assetData"]
    assert file["body"] == b"the bytes"
    disposition = next(line for line in form.head.split(b"\r\n") if b"filename" in line)
    assert re.fullmatch(rb'[^"]*name="assetData"; filename="[^"\\/\r\n\0]*"', disposition)
    assert whole.count(b"\r\n\r\n") == len(fields) + 1


def test_a_guest_names_no_address(tus: Tus, immich: Immich, trap: tuple[str, list[str]]) -> None:
    """Nothing that is sent is ever fetched."""
    target, asked = trap
    data = f"{target} <svg><image href='{target}'/></svg>".encode()
    tus.upload(data, filename="a.svg", relativePath=target, url=target, filetype=target)
    immich.wait_for(data)
    assert asked == []
