"""A word to the host: once per batch, never lost, never in the way."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from immich_drop.db import Db
from immich_drop.immich import SharedLink
from immich_drop.link import LinkBook
from immich_drop.notify import QUIET, Notifier
from immich_drop.upload import State
from unit.make import START, opened, upload


def shared_link(link_id: str, title: str) -> SharedLink:
    return SharedLink(
        id=link_id,
        key=f"key of {link_id}",
        slug=None,
        title=title,
        description="",
        expires_at=None,
        allow_upload=True,
        album_id="album",
    )


class Receiver:
    """Whoever takes the notices."""

    def __init__(self) -> None:
        self.got: list[HTTPServerRequest] = []
        self.status = 200
        self.url = ""


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()

    class Handler(RequestHandler):
        def post(self) -> None:
            receiver.got.append(self.request)
            self.set_status(receiver.status)

    server = HTTPServer(Application([("/.*", Handler)], log_function=lambda _: None))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    receiver.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/topic"
    try:
        yield receiver
    finally:
        server.stop()
        await server.close_all_connections()


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def notifier(
    db: Db, url: str, clock: Clock, *, plain: bool = False, daily: bool = False
) -> Notifier:
    return Notifier(
        url, plain=plain, daily=daily, title="Anna & Tom 🎉", db=db, book=LinkBook(db), now=clock
    )


async def arrive(db: Db, clock: Clock, *names: str) -> None:
    for name in names:
        await db.add(upload(name=name, state=State.STORED, updated_at=clock.now))


@pytest.mark.gen_test
async def test_one_notice_for_a_batch_when_it_is_over(tmp_path: Path) -> None:
    clock = Clock()
    async with receiving() as receiver:
        with opened(tmp_path / "state.db") as db:
            ours = notifier(db, receiver.url, clock)
            await ours.look()
            await arrive(db, clock, "a.jpg", "b.HEIC", "c.MOV")
            await ours.look()
            assert receiver.got == [], "the batch may go on"
            clock.now += QUIET
            await ours.look()
            await ours.look()
            ours.close()
    (request,) = receiver.got
    told = json.loads(request.body)
    assert told["body"] == "2 photos and 1 video have arrived."
    assert (told["photos"], told["videos"], told["title"]) == (2, 1, "Anna & Tom 🎉")


@pytest.mark.gen_test
async def test_ntfy_takes_text(tmp_path: Path) -> None:
    clock = Clock()
    async with receiving() as receiver:
        with opened(tmp_path / "state.db") as db:
            ours = notifier(db, receiver.url, clock, plain=True)
            await arrive(db, clock, "a.jpg")
            clock.now += QUIET
            await ours.look()
            ours.close()
    (request,) = receiver.got
    assert request.body == b"1 photo has arrived."
    assert request.headers["Title"].strip() == "Anna & Tom"


@pytest.mark.gen_test
async def test_a_notice_that_fails_is_sent_later_also_by_the_next_process(tmp_path: Path) -> None:
    clock = Clock()
    async with receiving() as receiver:
        receiver.status = 500
        with opened(tmp_path / "state.db") as db:
            ours = notifier(db, receiver.url, clock)
            await arrive(db, clock, "a.jpg", "b.jpg")
            clock.now += QUIET
            await ours.look()
            ours.close()
        receiver.status = 200
        with opened(tmp_path / "state.db") as db:
            ours = notifier(db, receiver.url, clock)
            await ours.look()
            await ours.look()
            ours.close()
    bodies = [json.loads(request.body)["body"] for request in receiver.got]
    assert bodies == ["2 photos have arrived."] * 2


@pytest.mark.gen_test
async def test_daily(tmp_path: Path) -> None:
    clock = Clock()
    async with receiving() as receiver:
        with opened(tmp_path / "state.db") as db:
            ours = notifier(db, receiver.url, clock, daily=True)
            await arrive(db, clock, "a.jpg")
            clock.now += timedelta(days=1)
            await arrive(db, clock, "b.jpg")
            await ours.look()
            clock.now += timedelta(hours=1)
            await arrive(db, clock, "c.jpg")
            await ours.look()
            assert len(receiver.got) == 1
            clock.now += timedelta(days=1)
            await ours.look()
            ours.close()
    assert len(receiver.got) == 2


@pytest.mark.gen_test
async def test_a_clock_that_was_years_ahead_does_not_silence_us(tmp_path: Path) -> None:
    clock = Clock()
    async with receiving() as receiver:
        with opened(tmp_path / "state.db") as db:
            ours = notifier(db, receiver.url, clock)
            clock.now += timedelta(days=4000)
            await arrive(db, clock, "told.jpg")
            clock.now += QUIET
            await ours.look()
            await arrive(db, clock, "in the future.jpg")
            clock.now = START
            await arrive(db, clock, "a.jpg", "b.MOV")
            clock.now += QUIET
            await ours.look()
            await ours.look()
            ours.close()
    bodies = [json.loads(request.body)["body"] for request in receiver.got]
    assert bodies == ["1 photo has arrived.", "1 photo and 1 video have arrived."]


@pytest.mark.gen_test
async def test_nobody_there_harms_nobody(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path / "state.db") as db:
        ours = notifier(db, "http://127.0.0.1:9/", clock)
        await arrive(db, clock, "a.jpg")
        clock.now += QUIET
        await asyncio.wait_for(ours.look(), 10)
        ours.close()


@pytest.mark.gen_test
async def test_who_brought_it_and_by_which_link(tmp_path: Path) -> None:
    clock = Clock()
    async with receiving() as receiver:
        with opened(tmp_path / "state.db") as db:
            ours = notifier(db, receiver.url, clock)
            await LinkBook(db).remember(shared_link("club", "The club"), password=None)
            guests = ["Anna", None, "Anna", "Ben", "Cem", "Dora", "Eva", "Fritz"]
            for guest in guests:
                await db.add(upload(guest=guest, state=State.STORED, updated_at=clock.now))
            for name, guest in (("a.jpg", "Gül"), ("b.mov", "Anna"), ("c.jpg", None)):
                fields = {"name": name, "guest": guest, "link": "club"}
                await db.add(upload(state=State.STORED, updated_at=clock.now, **fields))
            clock.now += QUIET
            await ours.look()
            ours.close()
    (request,) = receiver.got
    told = json.loads(request.body)
    assert told["body"].splitlines() == [
        "8 photos have arrived, from Anna, Ben, Cem, Dora and others.",
        "The club: 2 photos and 1 video have arrived, from Gül and Anna.",
    ]
    assert told["guests"] == ["Anna", "Ben", "Cem", "Dora", "Eva", "Fritz", "Gül"]


@pytest.mark.gen_test
async def test_a_closed_link_is_told_once_each_time(tmp_path: Path) -> None:
    clock = Clock()
    async with receiving() as receiver:
        with opened(tmp_path / "state.db") as db:
            ours = notifier(db, receiver.url, clock)
            await LinkBook(db).remember(shared_link("club", "The club"), password=None)
            waits = {"state": State.RECEIVED, "code": "link_revoked", "link": "club"}
            made = [await db.add(upload(**waits)) for _ in range(3)]
            for _ in range(3):
                await ours.look()
            assert len(receiver.got) == 1
            for each in made:
                await db.change(each, code=None)
            await ours.look()
            await db.add(upload(**waits))
            await ours.look()
            ours.close()
    sentences = [json.loads(request.body)["body"] for request in receiver.got]
    why = "waiting, for Immich does not let this link upload any more."
    assert sentences == [f"The club: 3 {why}", f"The club: 1 {why}"]
