"""A word to the host: once per batch, never lost, never in the way."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from email.header import decode_header
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from immich_drop.db import Db
from immich_drop.immich import SharedLink
from immich_drop.link import LinkBook
from immich_drop.notify import ILL, QUIET, Notifier
from immich_drop.upload import State
from immich_drop.values import NTFY
from immich_drop.webhook import LONGEST_PAUSE, Webhook
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


class Host:
    """Whoever takes the notices, and what there is to tell of at which time."""

    def __init__(self, db: Db, *, now: datetime, status: int) -> None:
        self.db = db
        self.now = now
        self.status = status
        self.health = dict.fromkeys(("database", "spool", "disk", "immich", "links"), "ok")
        self.got: list[HTTPServerRequest] = []

    async def arrive(self, *names: str) -> None:
        for name in names:
            await self.db.add(upload(name=name, state=State.STORED, updated_at=self.now))

    async def report(self) -> dict[str, str]:
        return self.health

    def told(self) -> list[Any]:
        return [json.loads(request.body) for request in self.got]


@asynccontextmanager
async def receiving(host: Host) -> AsyncIterator[str]:
    """Serve a host, at the URL this gives."""

    class Handler(RequestHandler):
        def post(self) -> None:
            host.got.append(self.request)
            self.set_status(host.status)

    server = HTTPServer(Application([("/.*", Handler)], log_function=lambda _: None))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}/topic"
    finally:
        server.stop()
        await server.close_all_connections()


@asynccontextmanager
async def telling(
    folder: Path,
    *,
    url: str | None = None,
    now: datetime = START,
    status: int = 200,
    plain: bool = False,
    daily: bool = False,
    title: str = "Anna & Tom 🎉",
) -> AsyncIterator[tuple[Host, Notifier]]:
    """Put a notifier before a host, or before nobody at `url`; another one may follow."""
    with opened(folder / "state.db") as db:
        host = Host(db, now=now, status=status)
        async with receiving(host) as address:
            url = f"{NTFY if plain else ''}{url or address}"
            notifier = Notifier(
                Webhook(url, title=title, now=lambda: host.now),
                daily=daily,
                db=db,
                book=LinkBook(db),
                health=host.report,
                now=lambda: host.now,
            )
            with closing(notifier):
                await notifier.start()
                host.now += timedelta(seconds=1)
                yield host, notifier


@pytest.mark.gen_test
async def test_one_notice_for_a_batch_when_it_is_over(tmp_path: Path) -> None:
    async with telling(tmp_path) as (host, notifier):
        await notifier.send_due()
        await host.arrive("a.jpg", "b.HEIC", "c.MOV")
        await notifier.send_due()
        assert host.got == [], "the batch may go on"
        host.now += QUIET
        await notifier.send_due()
        await notifier.send_due()
    (told,) = host.told()
    assert told["body"] == "2 photos and 1 video have arrived."
    assert (told["photos"], told["videos"], told["title"]) == (2, 1, "Anna & Tom 🎉")


@pytest.mark.parametrize(
    ("title", "heard"),
    [
        ("Anna & Tom", "Anna & Tom"),
        ("Jürgens Fest 🎉 " * 9, ("Jürgens Fest 🎉 " * 9).strip()),
        ("two\nlines\r\n", "two lines"),
    ],
)
@pytest.mark.gen_test
async def test_ntfy_takes_text(tmp_path: Path, title: str, heard: str) -> None:
    async with telling(tmp_path, plain=True, title=title) as (host, notifier):
        await host.arrive("a.jpg")
        host.now += QUIET
        await notifier.send_due()
    (request,) = host.got
    assert request.body == b"1 photo has arrived."
    ((spoken, charset),) = decode_header(request.headers["Title"])
    assert (spoken if charset is None else spoken.decode(charset)) == heard


@pytest.mark.gen_test
async def test_a_notice_that_fails_is_sent_later_also_by_the_next_process(tmp_path: Path) -> None:
    async with telling(tmp_path, status=500) as (host, notifier):
        await host.arrive("a.jpg", "b.jpg")
        host.now += QUIET
        await notifier.send_due()
    async with telling(tmp_path, now=host.now) as (again, notifier):
        await notifier.send_due()
        await notifier.send_due()
    bodies = [told["body"] for told in host.told() + again.told()]
    assert bodies == ["2 photos have arrived."] * 2


@pytest.mark.gen_test
async def test_daily(tmp_path: Path) -> None:
    """A day after the first photo of the party, not at once for that one alone."""
    async with telling(tmp_path, daily=True) as (host, notifier):
        host.now += timedelta(days=3)
        for name in ("a.jpg", "b.jpg"):
            await host.arrive(name)
            await notifier.send_due()
            host.now += timedelta(hours=23)
        assert host.got == []
        await host.arrive("c.jpg")
        await notifier.send_due()
        await notifier.send_due()
    assert [told["photos"] for told in host.told()] == [3]


@pytest.mark.gen_test
async def test_what_came_before_there_were_notices_is_not_told(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        await db.add(upload(state=State.STORED, updated_at=START - timedelta(hours=1)))
    async with telling(tmp_path) as (host, notifier):
        host.now += QUIET
        await notifier.send_due()
        await host.arrive("a.jpg")
        host.now += timedelta(days=5)
        await notifier.send_due()
    assert [told["photos"] for told in host.told()] == [1], "however late"


@pytest.mark.gen_test
async def test_who_does_not_take_it_is_asked_ever_more_rarely(tmp_path: Path) -> None:
    """Who takes it but answers too late would get a copy each minute."""
    async with telling(tmp_path, status=500) as (host, notifier):
        await host.arrive("a.jpg")
        host.now += QUIET
        for _ in range(180):
            await notifier.send_due()
            host.now += timedelta(minutes=1)
        assert len(host.got) < 10
        host.status = 200
        host.now += LONGEST_PAUSE
        await notifier.send_due()
        before = len(host.got)
        await host.arrive("b.jpg")
        host.now += QUIET
        await notifier.send_due()
        assert len(host.got) == before + 1, "and at once when it has taken one"


@pytest.mark.gen_test
async def test_what_cannot_get_into_immich_is_told_once(tmp_path: Path) -> None:
    async with telling(tmp_path) as (host, notifier):
        for code in ("damaged", "immich_refused", "damaged"):
            await host.db.add(upload(state=State.FAILED, code=code, updated_at=host.now))
        await notifier.send_due()
        assert host.got == [], "more may fail"
        host.now += QUIET
        for _ in range(3):
            await notifier.send_due()
    (told,) = host.told()
    assert told["body"].startswith("3 files cannot get into Immich (damaged, immich_refused)")
    assert (told["failed"], told["codes"]) == (3, ["damaged", "immich_refused"])


@pytest.mark.gen_test
async def test_a_clock_that_was_years_ahead_does_not_silence_us(tmp_path: Path) -> None:
    async with telling(tmp_path) as (host, notifier):
        host.now += timedelta(days=4000)
        await host.arrive("told.jpg")
        host.now += QUIET
        await notifier.send_due()
        await host.arrive("in the future.jpg")
        host.now = START
        await host.arrive("a.jpg", "b.MOV")
        host.now += QUIET
        await notifier.send_due()
        await notifier.send_due()
    bodies = [told["body"] for told in host.told()]
    assert bodies == ["1 photo has arrived.", "1 photo and 1 video have arrived."]


@pytest.mark.gen_test
async def test_nobody_there_harms_nobody(tmp_path: Path) -> None:
    async with telling(tmp_path, url="http://127.0.0.1:9/") as (host, notifier):
        await host.arrive("a.jpg")
        host.now += QUIET
        await asyncio.wait_for(notifier.send_due(), 10)


@pytest.mark.gen_test
async def test_who_brought_it_and_by_which_link(tmp_path: Path) -> None:
    async with telling(tmp_path) as (host, notifier):
        await LinkBook(host.db).remember(shared_link("club", "The club"), password=None)
        guests = ["Anna", None, "Anna", "Ben", "Cem", "Dora", "Eva", "Fritz"]
        for guest in guests:
            await host.db.add(upload(guest=guest, state=State.STORED, updated_at=host.now))
        for name, guest in (("a.jpg", "Gül"), ("b.mov", "Anna"), ("c.jpg", None)):
            fields = {"name": name, "guest": guest, "link": "club"}
            await host.db.add(upload(state=State.STORED, updated_at=host.now, **fields))
        host.now += QUIET
        await notifier.send_due()
    (told,) = host.told()
    assert told["body"].splitlines() == [
        "8 photos have arrived, from Anna, Ben, Cem, Dora and others.",
        "The club: 2 photos and 1 video have arrived, from Gül and Anna.",
    ]
    assert told["guests"] == ["Anna", "Ben", "Cem", "Dora", "Eva", "Fritz", "Gül"]


@pytest.mark.gen_test
async def test_a_closed_link_is_told_once_each_time(tmp_path: Path) -> None:
    async with telling(tmp_path) as (host, notifier):
        await LinkBook(host.db).remember(shared_link("club", "The club"), password=None)
        waits = {"state": State.RECEIVED, "code": "link_revoked", "link": "club"}
        made = [await host.db.add(upload(**waits)) for _ in range(2)]
        untried = await host.db.add(upload(**waits | {"code": None}))
        for _ in range(3):
            await notifier.send_due()
        assert len(host.got) == 1
        for code in ("immich_unavailable", "link_revoked"):
            made = [await host.db.change(each, code=code) for each in made]
            await notifier.send_due()
        assert len(host.got) == 1, "it was not open, Immich was down"
        for each in [*made, untried]:
            await host.db.move(each, State.STORED, asset_id="asset")
        await notifier.send_due()
        await host.db.add(upload(**waits))
        await notifier.send_due()
    sentences = [told["body"] for told in host.told()]
    why = "waiting, as Immich no longer lets this link upload."
    assert sentences == [f"The club: 3 {why}", f"The club: 1 {why}"]


@pytest.mark.gen_test
async def test_what_is_wrong_for_a_while_is_told_once_each_time(tmp_path: Path) -> None:
    async with telling(tmp_path) as (host, notifier):

        async def pass_(time: timedelta, **codes: str) -> int:
            host.health |= codes
            await notifier.send_due()
            host.now += time
            for _ in range(2):
                await notifier.send_due()
            return len(host.got)

        assert await pass_(ILL / 2, immich="immich_unavailable") == 0, "a restart, perhaps"
        assert await pass_(ILL, immich="ok", links="link_revoked") == 0
        assert await pass_(ILL, immich="immich_key") == 1
        assert await pass_(ILL, disk="disk_full") == 2
        assert await pass_(ILL) == 2
        await pass_(ILL, immich="ok")
        assert await pass_(ILL, immich="immich_quota") == 3
    assert [told["body"].partition(".")[0] for told in host.told()] == [
        "Not well for 15 minutes (immich: immich_key)",
        "Not well for 15 minutes (disk: disk_full)",
        "Not well for 15 minutes (immich: immich_quota)",
    ]
