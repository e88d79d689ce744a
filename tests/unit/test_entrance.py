"""The entrance: Immich rules, its word counts for a while, and nobody tries all the passwords."""

import asyncio
import gc
import weakref
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextlib import nullcontext as no_error
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from immich_drop import entrance, questions
from immich_drop.db import Db
from immich_drop.entrance import GUESSES_PER_MINUTE, STRANGERS_PER_MINUTE, Entrance
from immich_drop.errors import (
    ImmichUnavailable,
    LinkExpired,
    LinkNeeded,
    LinkNoUpload,
    LinkRevoked,
    LinkUnknown,
    PasswordRequired,
    PasswordWrong,
    RateLimited,
    Unavailable,
)
from immich_drop.immich import Immich, ShareKey, ShareSlug
from immich_drop.link import Link, LinkBook, Ref
from immich_drop.questions import FRESH, SOON
from immich_drop.standin import Fault, Kind, StandIn
from immich_drop.standin import Link as Row
from immich_drop.upload import OWN
from unit.make import Clock, opened

ADDRESS, ELSEWHERE = "192.0.2.1", "192.0.2.2"
PASSWORD = "pass & wörd"
HANGS = Fault(kind=Kind.SLOW_ANSWER, match=".*", times=None, seconds=60)
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass(slots=True, kw_only=True)
class Side:
    """An entrance, and the host's own side of it."""

    entrance: Entrance
    standin: StandIn
    book: LinkBook
    clock: Clock
    db: Db
    clients: weakref.WeakSet[Immich]
    """The clients of Immich that the entrance made, as long as somebody holds them."""

    def share(self, **options: Any) -> tuple[Row, ShareKey]:
        row = self.standin.make_link(**{"album": "Wedding", **options})
        return row, ShareKey(row.key)

    def change(self, row: Row, **fields: object) -> None:
        for name, value in fields.items():
            setattr(row, name, value)
        self.standin.library.save(row)

    async def enter(
        self, ref: Ref | None, *, unlocked: str | None = None, address: str = ADDRESS
    ) -> Link:
        return await self.entrance.enter(ref, unlocked=unlocked, address=address)

    async def unlock(self, ref: Ref, password: str, *, address: str = ADDRESS) -> Link:
        return await self.entrance.unlock(ref, password, address=address)

    @property
    def questions(self) -> int:
        return len(self.standin.exchanges)


@asynccontextmanager
async def sides(folder: Path, *, own: bool = True) -> AsyncIterator[Side]:
    standin, clock = StandIn(folder / "immich", job_delay=None), Clock()
    clients: weakref.WeakSet[Immich] = weakref.WeakSet()
    await standin.start()

    def immich(ref: Ref) -> Immich:
        client = Immich(base_url=standin.url, credential=ref, max_connections=2)
        clients.add(client)
        return client

    with opened(folder / "state.db") as db:
        book = LinkBook(db)
        entrance = Entrance(
            own=Link.own(title="Ours", message="Hi") if own else None,
            book=book,
            immich=immich,
            clock=clock,
            # Immich asks the clock on the wall, so ours has to be near it.
            now=lambda: NOW + timedelta(seconds=clock.seconds),
        )
        try:
            yield Side(
                entrance=entrance,
                standin=standin,
                book=book,
                clock=clock,
                db=db,
                clients=clients,
            )
        finally:
            await standin.stop()


# What opens


@pytest.mark.gen_test
async def test_the_drop_at_the_root(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        assert (await side.enter(None)).id == OWN
        assert side.questions == 0
    async with sides(tmp_path / "without", own=False) as side:
        with pytest.raises(LinkNeeded):
            await side.enter(None)


@pytest.mark.gen_test
async def test_a_link_by_its_key_and_by_its_name(tmp_path: Path) -> None:
    async with sides(tmp_path, own=False) as side:
        row, key = side.share(slug="süß/ & spicy", description="Bring all!")
        link = await side.enter(key)
        assert link == await side.enter(ShareSlug("süß/ & spicy"))
        assert (link.id, link.title, link.message) == (row.id, "Wedding", "Bring all!")


@pytest.mark.gen_test
async def test_a_link_that_only_shows(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        row, key = side.share(allow_upload=False)
        with pytest.raises(LinkNoUpload):
            await side.enter(key)
        side.change(row, allow_upload=True)
        side.clock.pass_(FRESH)
        assert (await side.enter(key)).id == row.id


# How long an answer counts


@pytest.mark.gen_test
async def test_an_answer_counts_for_a_while(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        row, key = side.share()
        await side.enter(key)
        side.change(row, allow_upload=False)
        side.clock.pass_(FRESH - 1)
        await side.enter(key)
        assert side.questions == 1
        side.clock.pass_(1)
        with pytest.raises(LinkNoUpload):
            await side.enter(key)
        assert side.questions == 2


@pytest.mark.gen_test
async def test_guests_who_come_together_ask_once(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        _, key = side.share()
        links = await asyncio.gather(*(side.enter(key, address=f"a{n}") for n in range(50)))
        assert len({link.id for link in links}) == 1
        assert side.questions == 1
        stranger = ShareKey("nobody")
        errors = await asyncio.gather(
            *(side.enter(stranger) for _ in range(50)), return_exceptions=True
        )
        assert {type(error) for error in errors} == {LinkUnknown}
        assert side.questions == 2


@pytest.mark.gen_test
async def test_a_guest_who_leaves_takes_the_answer_from_nobody(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        _, key = side.share()
        impatient, patient = (asyncio.create_task(side.enter(key)) for _ in range(2))
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).title == "Wedding"
        assert side.questions == 1
        assert impatient.cancelled()


@pytest.mark.gen_test
async def test_no_more_answers_are_kept_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MOST", 3)
    async with sides(tmp_path) as side:
        _, key = side.share()
        for ref in (key, *(ShareSlug(f"nobody {n}") for n in range(3))):
            with pytest.raises(LinkUnknown) if ref != key else no_error():
                await side.enter(ref)
        assert len(side.entrance._questions._asked) == 3
        before = side.questions
        with pytest.raises(LinkUnknown):
            await side.enter(ShareSlug("nobody 2"))
        assert side.questions == before
        await side.enter(key)
        assert side.questions == before + 1


@pytest.mark.gen_test
async def test_answers_hold_no_client_of_immich_and_are_not_kept_for_good(tmp_path: Path) -> None:
    """Whoever tries names, a new one each second, must not fill our memory with them."""
    async with sides(tmp_path) as side:
        side.standin.faults.add(Fault(kind=Kind.STATUS, status=500, match=".*"))
        with pytest.raises(ImmichUnavailable):
            await side.enter(ShareSlug("nobody"))
        for number in range(5):
            with pytest.raises(LinkUnknown):
                await side.enter(ShareSlug(f"nobody {number}"))
        gc.collect()
        assert len(side.clients) == 0
        assert len(side.entrance._questions._asked) == 6
        side.clock.pass_(FRESH)
        with pytest.raises(LinkUnknown):
            await side.enter(ShareSlug("one more"))
        assert len(side.entrance._questions._asked) == 1


# What is closed


@pytest.mark.gen_test
async def test_unknown_revoked_and_expired_are_told_apart(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        gone, gone_key = side.share()
        ending, ending_key = side.share(expires_at=NOW + timedelta(hours=1))
        _, never_seen = side.share(expires_at=NOW - timedelta(days=400))
        for key in (gone_key, ending_key):
            await side.enter(key)
        side.standin.library.remove_link(gone)
        side.change(ending, expires_at=NOW - timedelta(days=400))
        side.clock.pass_(3600)
        for key, error in (
            (gone_key, LinkRevoked),
            (ending_key, LinkExpired),
            (never_seen, LinkUnknown),
            (ShareKey("mistyped"), LinkUnknown),
        ):
            with pytest.raises(error):
                await side.enter(key)
            with pytest.raises(error):
                await side.unlock(key, "anything")


@pytest.mark.gen_test
async def test_a_password_finds_the_link_closed_at_once(tmp_path: Path) -> None:
    """Else the page would ask for it again and again, without a word."""
    async with sides(tmp_path) as side:
        row, key = side.share(password=PASSWORD)
        link = await side.unlock(key, PASSWORD)
        side.standin.library.remove_link(row)
        with pytest.raises(LinkRevoked):
            await side.unlock(key, PASSWORD)
        with pytest.raises(LinkRevoked):
            await side.enter(key, unlocked=link.lock)


@pytest.mark.gen_test
async def test_a_name_that_moves_to_another_link(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        name = ShareSlug("party")
        row, key = side.share(slug="party", password=PASSWORD)
        before = await side.unlock(name, PASSWORD)
        side.change(row, slug=None)
        other, _ = side.share(album="Club", slug="party", password=PASSWORD)
        side.clock.pass_(FRESH)
        after = await side.unlock(name, PASSWORD)
        assert after.id == other.id
        assert (await side.enter(name, unlocked=after.lock)).title == "Club"
        with pytest.raises(PasswordRequired):
            await side.enter(name, unlocked=before.lock)
        assert (await side.enter(key, unlocked=before.lock)).title == "Wedding"


@pytest.mark.gen_test
async def test_a_name_that_moves_leads_nobody_into_the_link_that_had_it(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        name = ShareSlug("party")
        row, _ = side.share(slug="party", password=PASSWORD)
        lock = (await side.unlock(name, PASSWORD)).lock
        side.standin.library.remove_link(row)
        other, _ = side.share(album="Club", slug="party", password="another")
        side.clock.pass_(FRESH)
        with pytest.raises(PasswordRequired):
            await side.enter(name, unlocked=lock)
        assert side.book.find(name) is None
        assert (await side.unlock(name, "another")).id == other.id


@pytest.mark.gen_test
async def test_a_name_that_moves_locks_nothing(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        name = ShareSlug("party")
        row, key = side.share(slug="party")
        assert (await side.enter(name)).id == row.id
        side.change(row, slug=None)
        side.share(album="Club", slug="party", password=PASSWORD)
        side.clock.pass_(FRESH)
        with pytest.raises(PasswordRequired):
            await side.enter(name)
        await side.standin.down()
        side.clock.pass_(FRESH)
        assert (await side.enter(key)).id == row.id
        with pytest.raises(ImmichUnavailable):
            await side.enter(name)


@pytest.mark.gen_test
async def test_a_name_whose_link_gets_a_password(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        name = ShareSlug("party")
        row, key = side.share(slug="party")
        await side.enter(name)
        side.change(row, password=PASSWORD)
        side.clock.pass_(FRESH)
        with pytest.raises(PasswordRequired):
            await side.enter(name)
        lock = (await side.unlock(name, PASSWORD)).lock
        side.clock.pass_(FRESH)
        assert (await side.enter(name, unlocked=lock)).id == row.id
        await side.standin.down()
        side.clock.pass_(FRESH)
        for ref in (name, key):
            with pytest.raises(PasswordRequired):
                await side.enter(ref)


@pytest.mark.gen_test
async def test_a_name_that_is_locked_while_nobody_can_tell_whose_it_is(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        name = ShareSlug("party")
        row, key = side.share(slug="party")
        await side.enter(name)
        side.clock.pass_(FRESH)
        locked = {"status": 401, "message": "Password required", "times": 1}
        side.standin.faults.add(
            Fault(kind=Kind.STATUS, match=".*", **locked),  # type: ignore[arg-type]
            Fault(kind=Kind.STATUS, match=".*", status=500, times=2),
        )
        with pytest.raises(PasswordRequired):
            await side.enter(name)
        await side.standin.down()
        side.clock.pass_(FRESH)
        with pytest.raises(ImmichUnavailable):
            await side.enter(name)
        assert (await side.enter(key)).id == row.id


@pytest.mark.gen_test
async def test_a_name_that_is_no_more(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        names = [ShareSlug(f"party {number}") for number in range(3)]
        renamed, deleted, locked = rows = [side.share(slug=name.slug)[0] for name in names]
        for name in names:
            await side.enter(name)
        side.change(renamed, slug="new")
        side.change(locked, slug="newer", password=PASSWORD)
        side.standin.library.remove_link(deleted)
        for _ in range(2):
            side.clock.pass_(FRESH)
            for name, error in zip(names, (LinkUnknown, LinkRevoked, LinkUnknown), strict=True):
                with pytest.raises(error):
                    await side.enter(name)
        assert (await side.enter(ShareSlug("new"))).id == renamed.id
        await side.standin.down()
        side.clock.pass_(FRESH)
        for row, name in zip(rows, names, strict=True):
            assert side.book.get(row.id) is not None, "what waits for it has to get there"
            with pytest.raises((ImmichUnavailable, LinkRevoked)):
                await side.enter(name)


# While Immich is down


@pytest.mark.gen_test
async def test_a_link_that_was_open_before_stays_open(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        _, key = side.share(expires_at=NOW + timedelta(hours=1))
        _, locked_key = side.share(album="Club", password=PASSWORD)
        _, late = side.share(album="Late")
        await side.enter(key)
        lock = (await side.unlock(locked_key, PASSWORD)).lock
        await side.standin.down()
        side.clock.pass_(FRESH)
        assert (await side.enter(key)).title == "Wedding"
        assert (await side.enter(locked_key, unlocked=lock)).title == "Club"
        with pytest.raises(PasswordRequired):
            await side.enter(locked_key)
        for ref in (late, ShareKey("nobody")):
            with pytest.raises(ImmichUnavailable):
                await side.enter(ref)
        with pytest.raises(ImmichUnavailable):
            await side.unlock(locked_key, PASSWORD)
        side.clock.pass_(3600)
        with pytest.raises(LinkExpired):
            await side.enter(key)


@pytest.mark.gen_test
@pytest.mark.parametrize("hangs", [True, False])
async def test_a_link_that_was_found_closed_stays_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    """Else it would take gigabytes that can go nowhere."""
    async with sides(tmp_path) as side:
        shared = [
            side.share(),
            side.share(album="Club", slug="club"),
            side.share(album="Old", expires_at=NOW + timedelta(days=30)),
        ]
        locked, locked_key = side.share(album="Locked", password=PASSWORD)
        lock = (await side.unlock(locked_key, PASSWORD)).lock
        refs = [ref for _, ref in shared] + [ShareSlug("club"), locked_key]
        for ref in refs:
            await side.enter(ref, unlocked=lock)
        for row in (shared[0][0], shared[1][0], locked):
            side.standin.library.remove_link(row)
        expired, expired_key = shared[2]
        side.change(expired, expires_at=NOW - timedelta(days=1))
        side.clock.pass_(FRESH)
        for ref in refs:
            with pytest.raises(LinkRevoked):
                await side.enter(ref, unlocked=lock)
        if hangs:
            side.standin.faults.add(HANGS)
            monkeypatch.setattr(questions, "PATIENCE", 0.05)
        else:
            await side.standin.down()
        side.clock.pass_(FRESH)
        for ref in refs:
            with pytest.raises(LinkRevoked):
                await side.enter(ref, unlocked=lock)
        if not hangs:
            side.standin.up()
            side.change(expired, expires_at=None)
            side.clock.pass_(FRESH)
            assert (await side.enter(expired_key)).id == expired.id
            await side.standin.down()
            side.clock.pass_(FRESH)
            assert (await side.enter(expired_key)).id == expired.id


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=Kind.HTML, status=502, match=".*"),
        Fault(kind=Kind.STATUS, status=500, match=".*"),
        Fault(kind=Kind.STATUS, status=401, message="Who?", match=".*"),
        Fault(kind=Kind.REDIRECT, status=302, location="https://login.example/", match=".*"),
        Fault(kind=Kind.HTML, status=200, match=".*"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
async def test_it_is_asked_again_soon(tmp_path: Path, fault: Fault) -> None:
    async with sides(tmp_path) as side:
        _, key = side.share()
        side.standin.faults.add(fault)
        for passed in (0, SOON - 1):
            side.clock.pass_(passed)
            with pytest.raises(ImmichUnavailable):
                await side.enter(key)
        asked = side.questions
        side.clock.pass_(1)
        assert (await side.enter(key)).title == "Wedding"
        assert side.questions == asked + 1


@pytest.mark.gen_test
async def test_one_guest_waits_for_an_immich_that_hangs_not_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every single photo of a batch would wait."""
    async with sides(tmp_path) as side:
        _, key = side.share()
        _, unseen = side.share(album="Club")
        await side.enter(key)
        side.standin.faults.add(HANGS)
        monkeypatch.setattr(questions, "PATIENCE", 0.05)
        side.clock.pass_(FRESH)
        assert (await side.enter(key)).title == "Wedding"
        with pytest.raises(ImmichUnavailable):
            await side.enter(unseen)
        monkeypatch.setattr(questions, "PATIENCE", 1000)
        side.clock.pass_(1000)
        async with asyncio.timeout(5):
            assert (await side.enter(key)).title == "Wedding"
            with pytest.raises(ImmichUnavailable):
                await side.enter(unseen)


@pytest.mark.gen_test
async def test_an_answer_nobody_waits_for_any_more_is_no_mishap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "PATIENCE", 0.01)
    mishaps: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: mishaps.append(about))
    async with sides(tmp_path) as side:
        _, key = side.share()
        side.standin.faults.add(HANGS)
        with pytest.raises(ImmichUnavailable):
            await side.enter(key)
        (question,) = side.entrance._questions._asked.values()
        await side.standin.down()
        await asyncio.wait([question.answer])
        side.entrance._questions._asked.clear()
        del question
        gc.collect()
        assert mishaps == []


@pytest.mark.gen_test
async def test_a_database_that_failed_is_tried_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sides(tmp_path) as side:
        _, key = side.share()
        with monkeypatch.context() as broken:
            broken.setattr("immich_drop.link._keep", lambda c, _: c.execute("no statement"))
            with pytest.raises(Unavailable):
                await side.enter(key)
        side.clock.pass_(SOON)
        assert (await side.enter(key)).title == "Wedding"


@pytest.mark.gen_test
async def test_what_immich_repeats_of_our_address_is_not_repeated(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        said = "Cannot GET /api/shared-links/me?slug=secret&password=secret"
        side.standin.faults.add(
            Fault(kind=Kind.STATUS, status=404, message=said, match=".*shared-links.*", times=None)
        )
        for attempt in (side.enter(ShareSlug("secret")), side.unlock(ShareSlug("secret"), "x")):
            with pytest.raises(ImmichUnavailable, match="Cannot GET /api/shared-links/me") as found:
                await attempt
            assert "secret" not in str(found.value)
        side.standin.faults.clear()


# Passwords


@pytest.mark.gen_test
async def test_a_locked_link(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        row, key = side.share(password=PASSWORD)
        other, _ = side.share(album="Club")
        for unlocked in (None, "", OWN, other.id, row.id):
            with pytest.raises(PasswordRequired):
                await side.enter(key, unlocked=unlocked)
        assert side.book.get(row.id) is None, "nothing is known of it without its password"
        for wrong in ("wrong", PASSWORD.upper(), f"{PASSWORD} "):
            with pytest.raises(PasswordWrong):
                await side.unlock(key, wrong)
        link = await side.unlock(key, PASSWORD)
        assert (link.id, link.title) == (row.id, "Wedding")
        assert (await side.enter(key, unlocked=link.lock)) == link
        for unlocked in (None, "", row.id, other.id, PASSWORD):
            with pytest.raises(PasswordRequired):
                await side.enter(key, unlocked=unlocked)


@pytest.mark.gen_test
async def test_a_locked_link_that_takes_files_again(tmp_path: Path) -> None:
    """Only with its password does Immich tell; who had entered it stayed outside."""
    async with sides(tmp_path) as side:
        row, key = side.share(password=PASSWORD, allow_upload=False)
        lock = (await side.unlock(key, PASSWORD)).lock
        side.clock.pass_(FRESH - 1)
        with pytest.raises(LinkNoUpload):
            await side.enter(key, unlocked=lock)
        side.change(row, allow_upload=True)
        side.clock.pass_(1)
        with pytest.raises(PasswordRequired):
            await side.enter(key, unlocked=lock)
        assert (await side.unlock(key, PASSWORD)).lock == lock
        assert (await side.enter(key, unlocked=lock)).id == row.id


@pytest.mark.gen_test
async def test_a_link_that_gets_a_password_and_loses_it(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        row, key = side.share()
        link = await side.enter(key)
        assert link.lock is None
        assert (await side.unlock(key, "anything")).lock is None
        side.change(row, password=PASSWORD)
        side.clock.pass_(FRESH)
        with pytest.raises(PasswordRequired):
            await side.enter(key)
        await side.standin.down()
        side.clock.pass_(FRESH)
        with pytest.raises(PasswordRequired):
            await side.enter(key)
        side.standin.up()
        side.clock.pass_(SOON)
        with pytest.raises(PasswordWrong):
            await side.unlock(key, "anything")
        lock = (await side.unlock(key, PASSWORD)).lock
        assert (await side.enter(key, unlocked=lock)).id == row.id
        side.change(row, password=None)
        side.clock.pass_(FRESH)
        assert (await side.enter(key)).lock is None


@pytest.mark.gen_test
async def test_a_password_that_is_changed_locks_out_who_knew_the_old_one(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        row, key = side.share(password=PASSWORD)
        old = (await side.unlock(key, PASSWORD)).lock
        side.change(row, password="another")
        new = (await side.unlock(key, "another")).lock
        assert (await side.enter(key, unlocked=new)).id == row.id
        with pytest.raises(PasswordRequired):
            await side.enter(key, unlocked=old)


@pytest.mark.gen_test
async def test_a_password_is_not_waited_for_longer_than_a_page_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sides(tmp_path) as side:
        _, key = side.share(password=PASSWORD)
        with pytest.raises(PasswordRequired):
            await side.enter(key)
        side.standin.faults.add(HANGS)
        monkeypatch.setattr(questions, "PATIENCE", 0.05)
        async with asyncio.timeout(5):
            with pytest.raises(ImmichUnavailable):
                await side.unlock(key, PASSWORD)


@pytest.mark.gen_test
async def test_wrong_passwords_are_limited_and_right_ones_not(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        _, key = side.share(password=PASSWORD)
        other, other_key = side.share(album="Club", password=PASSWORD)
        for _ in range(3 * GUESSES_PER_MINUTE):
            await side.unlock(key, PASSWORD)
        for _ in range(GUESSES_PER_MINUTE):
            with pytest.raises(PasswordWrong):
                await side.unlock(key, "wrong")
        asked = side.questions
        for password in ("wrong", PASSWORD):
            with pytest.raises(RateLimited) as limited:
                await side.unlock(key, password)
            assert limited.value.retry_after == 60 / GUESSES_PER_MINUTE
        assert side.questions == asked, "Immich is not even asked"
        assert (await side.unlock(other_key, PASSWORD)).id == other.id
        await side.unlock(key, PASSWORD, address=ELSEWHERE)
        side.clock.pass_(60 / GUESSES_PER_MINUTE)
        await side.unlock(key, PASSWORD)


@pytest.mark.gen_test
async def test_guests_who_enter_the_password_together_all_get_in(tmp_path: Path) -> None:
    """Behind one router, at a table with the password on it."""
    async with sides(tmp_path) as side:
        row, key = side.share(password=PASSWORD)
        guests = [side.unlock(key, PASSWORD) for _ in range(20 * GUESSES_PER_MINUTE)]
        links = await asyncio.gather(*guests)
        assert {link.id for link in links} == {row.id}
        assert side.questions == 2, "whether there is a password, and whether it is this one"
        side.change(row, password="another")
        with pytest.raises(PasswordWrong):
            await side.unlock(key, PASSWORD)


@pytest.mark.gen_test
async def test_guesses_at_the_same_time_are_no_more_than_one_after_the_other(
    tmp_path: Path,
) -> None:
    async with sides(tmp_path) as side:
        _, key = side.share(password=PASSWORD)
        guesses = [side.unlock(key, f"wrong {n}") for n in range(2 * GUESSES_PER_MINUTE)]
        errors = await asyncio.gather(*guesses, return_exceptions=True)
        kinds = Counter(map(type, errors))
        assert kinds == {PasswordWrong: GUESSES_PER_MINUTE, RateLimited: GUESSES_PER_MINUTE}
        assert side.questions == 1 + GUESSES_PER_MINUTE


@pytest.mark.gen_test
async def test_many_addresses_guess_no_faster_than_all_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance, "ALL_GUESSES_PER_MINUTE", 20)
    async with sides(tmp_path) as side:
        _, key = side.share(password=PASSWORD)
        for number in range(20):
            with pytest.raises(PasswordWrong):
                await side.unlock(key, "wrong", address=str(number))
        with pytest.raises(RateLimited):
            await side.unlock(key, PASSWORD, address="one more")


@pytest.mark.gen_test
async def test_links_nobody_heard_of_are_limited_and_known_ones_not(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        _, key = side.share()
        await side.enter(key, address=ELSEWHERE)
        for number in range(STRANGERS_PER_MINUTE):
            with pytest.raises(LinkUnknown):
                await side.enter(ShareSlug(f"guess {number}"))
        asked = side.questions
        for attempt in (side.enter(ShareSlug("more")), side.unlock(ShareSlug("even more"), "x")):
            with pytest.raises(RateLimited):
                await attempt
        assert side.questions == asked
        side.clock.pass_(FRESH / 2)
        assert (await side.enter(key)).title == "Wedding"
        with pytest.raises(LinkUnknown):
            await side.enter(ShareSlug("more"), address=ELSEWHERE)
