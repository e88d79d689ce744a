"""A guest who asks again: the answer to the first request is late, or lost, or was a refusal."""

import hashlib
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.product import Product
from harness.tus import OCTETS, VERSION, Tus, metadata, path_of
from harness.visit import Visit
from harness.wait import until
from harness.wire import request


@pytest.mark.parametrize("share", [0.5, 1], ids=["first bytes", "whole file"])
def test_while_immich_thinks_about_the_link(product: Product, immich: Immich, share: float) -> None:
    """Both find no such upload, and both make it: the second one goes on where the first ends."""
    data = secrets.token_bytes(500)
    first_bytes = data[: int(share * len(data))]
    visit = Visit.by_key(product, immich.share("Wedding"))
    meta = metadata(filename="photo.jpg", session=visit.session, item="1")
    headers = VERSION | {
        "Upload-Length": str(len(data)),
        "Upload-Metadata": meta,
        "Content-Type": OCTETS,
    }
    creation = request("POST", f"{visit.path}/files/", headers, first_bytes)
    with product.tus.connect() as before, product.tus.connect() as after:
        with immich.fault("slow_answer", match="GET /shared-links/me", seconds=60):
            for connection in (before, after):
                connection.send(creation)
                connection.settle()
        answer = after.response()
    assert (answer.status, answer["Upload-Offset"]) == (201, str(len(first_bytes)))
    assert len(until(visit.uploads, "the upload")) == 1


def test_a_connection_that_fell_silent_gives_way(tus: Tus, session: str) -> None:
    """Who asks again hears an offset that nothing older changes any more."""
    meta = metadata(filename="photo.jpg", session=session, item="1")
    headers = VERSION | {"Upload-Length": "6", "Upload-Metadata": meta, "Content-Type": OCTETS}
    creation = request("POST", "/files/", headers, b"abcdef")
    with tus.connect() as silent:
        silent.send(creation[:-2])
        silent.settle()
        again = tus.post(6, meta)
        assert (again.status, again["Upload-Offset"]) == (201, "4")
        assert silent.until_closed() == b""
    assert tus.patch(path_of(again["Location"]), 4, b"ef").status == 204


@pytest.mark.parametrize("brought", [100, 3_000_000], ids=["some", "all"])
def test_a_creation_again_is_answered_before_its_body(tus: Tus, session: str, brought: int) -> None:
    """A browser sends a request that was cut again by itself, all of it."""
    data = secrets.token_bytes(3_000_000)
    meta = metadata(filename="photo.jpg", session=session, item="1")
    assert tus.post(len(data), meta, body=data[:brought]).status == 201
    headers = VERSION | {
        "Upload-Length": str(len(data)),
        "Upload-Metadata": meta,
        "Content-Type": OCTETS,
        "Content-Length": str(len(data)),
    }
    with tus.connect() as connection:
        connection.send(request("POST", "/files/", headers) + data[:1000])
        answer = connection.response()
        assert (answer.status, answer["Upload-Offset"]) == (201, str(brought))
        url = path_of(answer["Location"])
        connection.send(data[1000:])
    if brought < len(data):
        assert tus.patch(url, brought, data[brought:]).status == 204
    assert tus.offset(url) == len(data)


def database(product: Product) -> Path:
    return product.folder / "data" / "state.db"


@contextmanager
def unwritable(database: Path) -> Iterator[None]:
    """Take the name of a database away, without which nothing is written to it."""
    away = database.rename(database.with_name("away.db"))
    try:
        yield
    finally:
        away.rename(database)


def test_what_no_row_says_is_not_received(
    product: Product, tus: Tus, immich: Immich, session: str, data: bytes
) -> None:
    """All bytes are here, but for that to be a promise the row has to say so."""
    meta = metadata(filename="photo.jpg", session=session, item="1")
    assert tus.post(len(data), meta).status == 201
    with unwritable(database(product)):
        refused(tus.post(len(data), meta, body=data), 503, "unavailable")
        refused(tus.post(len(data), meta), 503, "unavailable")
    assert tus.post(len(data), meta)["Upload-Offset"] == str(len(data))
    immich.wait_for(data)


@pytest.mark.parametrize("intact", [True, False])
def test_bytes_that_a_crash_left(
    product: Product, tus: Tus, immich: Immich, session: str, data: bytes, intact: bool
) -> None:
    """They are verified before the guest hears that all are here; a power cut may spoil some."""
    named = {"session": session, "item": "1", "sha1": hashlib.sha1(data).hexdigest()}
    url = tus.create(len(data), **named)
    file = product.folder / "data" / "spool" / url.rpartition("/")[2]
    file.write_bytes(data if intact else bytes(len(data)))
    again = tus.post(len(data), metadata(filename="photo.jpg", **named))
    assert path_of(again["Location"]) == url
    assert again["Upload-Offset"] == str(len(data) if intact else 0)
    if not intact:
        assert tus.patch(url, 0, data).status == 204
    immich.wait_for(data)


@pytest.mark.parametrize("sent", [False, True], ids=["to ask", "with the file"])
def test_an_upload_that_is_deleted_meanwhile_is_created_anew(
    product: Product, tus: Tus, immich: Immich, session: str, data: bytes, sent: bool
) -> None:
    url = tus.create(len(data), session=session, item="1")
    meta = metadata(filename="photo.jpg", session=session, item="1")
    headers = VERSION | {"Upload-Length": str(len(data)), "Upload-Metadata": meta}
    creation = request("POST", "/files/", headers)
    if sent:
        creation = request("POST", "/files/", headers | {"Content-Type": OCTETS}, data)
    with (
        closing(sqlite3.connect(database(product), isolation_level=None)) as other,
        tus.connect() as deleting,
        tus.connect() as asking,
    ):
        other.execute("BEGIN IMMEDIATE")
        deleting.send(request("DELETE", url, VERSION))
        deleting.settle()
        asking.send(creation)
        asking.settle()
        other.execute("ROLLBACK")
        assert deleting.response(to="DELETE").status == 204
        answer = asking.response()
    assert (answer.status, answer["Upload-Offset"]) == (201, str(len(data) if sent else 0))
    again = path_of(answer["Location"])
    assert again != url
    if not sent:
        assert tus.patch(again, 0, data).status == 204
    immich.wait_for(data)
