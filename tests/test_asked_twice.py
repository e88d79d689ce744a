"""A guest whose first request is still on its way when the second one comes."""

import secrets

import pytest
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
