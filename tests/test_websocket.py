"""What a page is told about its session: snapshot, then events; and nobody else's business."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.product import Product
from harness.tus import Tus
from harness.wait import until
from harness.websocket import BINARY, Refused, WebSocket
from harness.wire import Hangup

KEYS = {"id", "item", "name", "length", "offset", "state", "sent", "code", "retryAt"}
FINAL = {"stored", "duplicate", "failed"}


@pytest.fixture(name="page")
def fixture_page(product: Product, session: str) -> Iterator[WebSocket]:
    """The page of `session`, which has its snapshot."""
    with WebSocket(product.address) as page:
        page.say({"session": session})
        assert page.hear() == {"type": "snapshot", "uploads": []}
        yield page


def polled(tus: Tus, session: str) -> list[dict[str, Any]]:
    """Return what a page that has no WebSocket asks for."""
    answer = tus.ask("GET", "/api/uploads", {"Drop-Session": session})
    assert answer.status == 200
    body = answer.json()
    assert "no-store" in answer["Cache-Control"]
    return body["uploads"]


def is_final(message: dict[str, Any]) -> bool:
    return message["upload"]["state"] in FINAL


def test_a_file_is_followed_to_its_end(
    tus: Tus, page: WebSocket, session: str, immich: Immich
) -> None:
    data = session.encode() * 10
    url = tus.upload(data, session=session, item="1", filename="Strand.jpg")
    heard = page.hear_until(is_final)
    uploads = [message["upload"] for message in heard]
    assert {message["type"] for message in heard} == {"upload"}
    assert all(set(upload) == KEYS for upload in uploads)
    last = uploads[-1]
    assert last["id"] == url.rpartition("/")[2]
    assert (last["item"], last["name"]) == ("1", "Strand.jpg")
    assert last["length"] == last["offset"] == len(data)
    assert last["state"] == "stored"
    assert last["code"] is None
    assert "received" in {upload["state"] for upload in uploads}
    immich.wait_for(data)


def test_what_is_said_never_goes_back(
    tus: Tus, page: WebSocket, session: str, immich: Immich
) -> None:
    """Progress of the second half comes in order, and never after the end."""
    data = session.encode() * 200_000
    with immich.fault("slow_body", rate=8_000_000):
        tus.upload(data, session=session, item="1")
        uploads = [message["upload"] for message in page.hear_until(is_final)]
    order = ["receiving", "received", "stored"]
    ranks = [order.index(upload["state"]) for upload in uploads]
    assert ranks == sorted(ranks)
    sent = [upload["sent"] for upload in uploads if upload["state"] == "received"]
    assert sent == sorted(sent)
    assert any(0 < count <= len(data) for count in sent), "progress is seen"
    tus.upload(b"x" + data[:100], session=session, item="2")
    later = page.hear_until(is_final)
    assert {message["upload"]["item"] for message in later} == {"2"}


def test_a_page_that_comes_back_gets_everything_at_once(
    product: Product, tus: Tus, session: str, immich: Immich
) -> None:
    whole, part = session.encode() * 10, session.encode() * 20
    tus.upload(whole, session=session, item="1")
    url = tus.create(len(part), session=session, item="2")
    tus.patch(url, 0, part[:15])
    until(lambda: {u["state"] for u in polled(tus, session)} >= {"stored"}, "the first to arrive")
    with WebSocket(product.address) as page:
        page.say({"session": session})
        snapshot = page.hear()
    assert snapshot["type"] == "snapshot"
    by_item = {upload["item"]: upload for upload in snapshot["uploads"]}
    assert {item: (u["state"], u["offset"]) for item, u in by_item.items()} == {
        "1": ("stored", len(whole)),
        "2": ("receiving", 15),
    }
    assert {upload["item"]: upload for upload in polled(tus, session)} == by_item


def test_a_duplicate_is_called_one(tus: Tus, page: WebSocket, session: str) -> None:
    data = session.encode()
    tus.upload(data, session=session, item="1")
    assert page.hear_until(is_final)[-1]["upload"]["state"] == "stored"
    tus.upload(data, session=session, item="2", filename="again.jpg")
    assert page.hear_until(is_final)[-1]["upload"]["state"] == "duplicate"


def test_a_wait_for_immich_is_told(tus: Tus, page: WebSocket, session: str, immich: Immich) -> None:
    with immich.fault("status", match=".*", times=None, status=401, message="Invalid API key"):
        tus.upload(session.encode(), session=session, item="1")
        heard = page.hear_until(lambda message: message["upload"]["code"] is not None)
    waiting = heard[-1]["upload"]
    assert (waiting["state"], waiting["code"]) == ("received", "immich_key")
    assert "key" not in str(heard).replace("immich_key", "").lower()


def test_a_refusal_of_immich_is_told_and_may_be_retried(
    tus: Tus, page: WebSocket, session: str, immich: Immich
) -> None:
    data = session.encode()
    message = "Unsupported file type photo.jpg"
    with immich.fault("status", times=None, status=400, message=message):
        url = tus.upload(data, session=session, item="1")
        failed = page.hear_until(is_final)[-1]["upload"]
    assert (failed["state"], failed["code"]) == ("failed", "immich_type_refused")
    retry = f"/api/uploads/{url.rpartition('/')[2]}/retry"
    answer = tus.ask("POST", retry, {"Drop-Session": session})
    assert answer.status in {200, 202, 204}
    assert page.hear_until(is_final)[-1]["upload"]["state"] == "stored"
    immich.wait_for(data)


def test_an_upload_given_up_is_gone(tus: Tus, session: str) -> None:
    url = tus.create(9, session=session, item="1")
    assert len(polled(tus, session)) == 1
    tus.delete(url)
    assert polled(tus, session) == []


def test_another_session_sees_nothing(
    product: Product, tus: Tus, page: WebSocket, session: str
) -> None:
    stranger = session[::-1]
    tus.upload(session.encode(), session=session, item="1")
    page.hear_until(is_final)
    assert polled(tus, stranger) == []
    with WebSocket(product.address) as other:
        other.say({"session": stranger})
        assert other.hear() == {"type": "snapshot", "uploads": []}
        tus.upload(session.encode() * 2, session=session, item="2")
        page.hear_until(is_final)
        tus.upload(stranger.encode(), session=stranger, item="mine")
        assert other.hear()["upload"]["item"] == "mine"


def test_an_upload_without_a_session_is_nobodys(tus: Tus, page: WebSocket, session: str) -> None:
    tus.upload(session.encode() * 3)
    tus.upload(session.encode() * 4, session=session, item="1")
    assert {m["upload"]["item"] for m in page.hear_until(is_final)} == {"1"}


def test_two_pages_of_one_session_hear_the_same(
    product: Product, tus: Tus, page: WebSocket, session: str
) -> None:
    with WebSocket(product.address) as second:
        second.say({"session": session})
        second.hear()
        tus.upload(session.encode(), session=session, item="1")
        ends = [each.hear_until(is_final)[-1] for each in (page, second)]
    assert ends[0] == ends[1]


def test_the_bytes_of_the_first_half_are_told(tus: Tus, page: WebSocket, session: str) -> None:
    url = tus.create(10, session=session, item="1")
    tus.patch(url, 0, b"abcd")
    page.hear_until(lambda message: message["upload"]["offset"] == 4)


@pytest.mark.parametrize(
    "first",
    [
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b'{"session": 1}',
        b'{"session": ""}',
        b'{"session": "' + b"x" * 5000 + b'"}',
        b"\xff\xfe",
        b"[" * 50_000,
        b"x" * 10_000_000,
    ],
    ids=lambda first: f"{first[:12]!r} {len(first)}",
)
def test_a_first_message_that_is_none_closes(product: Product, tus: Tus, first: bytes) -> None:
    with WebSocket(product.address) as socket:
        try:
            socket.send(first)
        except OSError:
            return
        with pytest.raises(Hangup):
            socket.hear()
    assert tus.ask("GET", "/healthz", {}).status == 200


def test_a_binary_message_closes_or_is_ignored(product: Product, session: str) -> None:
    with WebSocket(product.address) as socket:
        socket.send(b"\0\1\2", opcode=BINARY)
        with pytest.raises(Hangup):
            socket.hear()


def test_talk_after_the_first_message_changes_nothing(
    tus: Tus, product: Product, session: str
) -> None:
    with WebSocket(product.address) as socket:
        socket.say({"session": session})
        socket.hear()
        socket.say({"session": session[::-1]})
        tus.upload(session.encode(), session=session[::-1], item="other")
        tus.upload(session.encode(), session=session, item="mine")
        try:
            assert socket.hear()["upload"]["item"] == "mine"
        except Hangup:
            return


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_other_sites_may_not_listen(product: Product, origin: str) -> None:
    with pytest.raises(Refused) as refusal:
        WebSocket(product.address, headers={"Origin": origin})
    assert refusal.value.answer.status == 403


def test_a_page_that_reads_nothing_harms_nobody(
    tus: Tus, product: Product, page: WebSocket, session: str
) -> None:
    with WebSocket(product.address) as deaf:
        deaf.say({"session": session})
        started = time.monotonic()
        for number in range(20):
            tus.upload(f"{session} {number}".encode(), session=session, item=str(number))
        done = set()
        while len(done) < 20:
            done.add(page.hear_until(is_final)[-1]["upload"]["item"])
        assert time.monotonic() - started < 10


def test_a_plain_request_is_no_websocket(tus: Tus) -> None:
    refused(tus.ask("GET", "/ws", {}), 400, "bad_request")
