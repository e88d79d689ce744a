"""Links as we remember them: one row each, whatever the host does to them in Immich."""

import re
import string
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from immich_drop.immich import SharedLink, ShareKey, ShareSlug
from immich_drop.link import Link, LinkBook, by_key, scope
from immich_drop.upload import OWN
from unit.make import START, opened

RAW = bytes(range(255, 205, -1))
KEY = urlsafe_b64encode(RAW).rstrip(b"=").decode()
SHARED = SharedLink(
    id="a",
    key=KEY,
    slug="our-day",
    title="Wedding",
    description="Bring all!",
    expires_at=START + timedelta(milliseconds=1),
    allow_upload=True,
    album_id="the album",
)


@pytest.mark.gen_test
async def test_every_column_survives(tmp_path: Path) -> None:
    bare = replace(SHARED, id="b", key="other", slug=None, expires_at=None, album_id=None)
    with opened(tmp_path / "state.db") as db:
        full = await LinkBook(db).remember(SHARED, password="secret")
        least = await LinkBook(db).remember(bare, password=None)
    with opened(tmp_path / "state.db") as db:
        book = LinkBook(db)
        assert book.get("a") == book.find(ShareKey(KEY)) == book.find(ShareSlug("our-day")) == full
        assert book.get("b") == book.find(ShareKey("other")) == least
        assert full == Link(
            id="a",
            key=KEY,
            slug="our-day",
            title="Wedding",
            message="Bring all!",
            expires_at=START + timedelta(milliseconds=1),
            album_id="the album",
            allow_upload=True,
            lock=full.lock,
        )
        assert full.lock is not None
        assert least.lock is None
        assert full.lock not in repr(full)
        assert not least.allow_upload, "without an album nothing can be brought into it"
        for stranger in (ShareKey("our-day"), ShareSlug(KEY), ShareSlug(""), ShareKey("")):
            assert book.find(stranger) is None


@pytest.mark.gen_test
async def test_what_the_host_changes_is_taken_over(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        book = LinkBook(db)
        await book.remember(SHARED, password=None)
        changed = replace(SHARED, slug="new", title="Party", expires_at=None, allow_upload=False)
        link = await book.remember(changed, password="secret")
        assert book.find(ShareSlug("our-day")) is None
        assert book.find(ShareSlug("new")) == book.get("a") == link
        assert (link.title, link.expires_at) == ("Party", None)
        assert not link.allow_upload
        assert link.lock is not None


@pytest.mark.gen_test
async def test_a_name_moves_to_another_link(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        book = LinkBook(db)
        await book.remember(SHARED, password=None)
        await book.remember(replace(SHARED, id="b", key="other"), password=None)
        found = book.find(ShareSlug("our-day"))
        assert found is not None
        assert found.id == "b"
        before = book.find(ShareKey(KEY))
        assert before is not None, "what waits for it has to get there"
        assert (before.id, before.slug) == ("a", None)


@pytest.mark.gen_test
async def test_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        book = LinkBook(db)
        await book.remember(SHARED, password=None)
        before = db.read("PRAGMA data_version")[0][0]
        await book.remember(SHARED, password=None)
        assert db.read("PRAGMA data_version")[0][0] == before
        await book.remember(SHARED, password="secret")
        assert db.read("PRAGMA data_version")[0][0] != before


@pytest.mark.gen_test
async def test_each_password_of_each_link_is_a_lock_of_its_own(tmp_path: Path) -> None:
    other = replace(SHARED, id="b", key="other", slug=None)
    with opened(tmp_path / "state.db") as db:
        book = LinkBook(db)
        links = [
            await book.remember(shared, password=password)
            for shared in (SHARED, other)
            for password in ("secret", "Secret", "🐱" * 200)
        ]
        assert len({link.lock for link in links}) == len(links)
        assert not any("ecret" in str(link.lock) for link in links)
        again = await book.remember(SHARED, password="secret")
        assert again.lock == links[0].lock


@pytest.mark.gen_test
async def test_a_password_nobody_has_said_yet(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        book = LinkBook(db)
        await book.remember(SHARED, password=None)
        open_ = book.get("a")
        assert open_ is not None
        await book.lock(open_)
        locked = book.get("a")
        assert locked is not None
        assert locked.lock
        said = await book.remember(SHARED, password="secret")
        for link in (open_, locked, said):
            await book.lock(link)
            assert book.get("a") == said, "what opens it is known"


@pytest.mark.gen_test
async def test_a_link_is_closed_until_immich_says_otherwise(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        book = LinkBook(db)
        link = await book.remember(SHARED, password="secret")
        await book.close(link)
        assert book.get("a") == replace(link, allow_upload=False)
        assert await book.remember(SHARED, password="secret") == book.get("a") == link


@pytest.mark.gen_test
async def test_only_the_name_we_knew_is_taken(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db") as db:
        book = LinkBook(db)
        before = await book.remember(SHARED, password=None)
        renamed = await book.remember(replace(SHARED, slug="new"), password=None)
        await book.take_name(before)
        assert book.get("a") == renamed
        await book.take_name(renamed)
        assert book.get("a") == replace(renamed, slug=None)


def test_a_key_is_in_no_words_about_it() -> None:
    own = Link.own(title="", message="")
    assert own.id == OWN
    assert KEY not in repr(replace(own, key=KEY))
    for ref in (ShareKey(KEY), ShareSlug("our-day")):
        assert KEY not in scope(ref)
        assert "our-day" not in scope(ref)


def test_every_address_is_a_drop_of_its_own() -> None:
    refs = [None, ShareKey("a"), ShareSlug("a"), ShareKey("b"), ShareSlug("b"), ShareSlug("婚礼")]
    assert len({scope(ref) for ref in refs}) == len(refs)
    assert scope(None) == ""


@pytest.mark.parametrize(
    "spelling",
    [
        KEY,
        KEY + "=",
        KEY[:-1] + chr(ord(KEY[-1]) + 1),  # 67 characters hold 402 bits, and two are not read
        KEY + ".",
        f"{KEY})",
        KEY + "é",
        f"ж{KEY}\U0001f600",
        f"~.{KEY[:30]}%%.{KEY[30:]}...",
        f"{KEY[:30]}={KEY[30:]}",
        f"{KEY[:9]}é{KEY[9:]}",
        KEY.replace("-", "+").replace("_", "/"),
        f"{RAW.hex()}.",
        RAW.hex(),
        RAW.hex().upper(),
    ],
)
def test_a_key_has_one_spelling(spelling: str) -> None:
    """Else each would be a drop with password guesses of its own."""
    assert by_key(spelling) == ShareKey(KEY)


@pytest.mark.parametrize("text", ["nobody", "x", "g" * 100, "", "-_-_", "a" * 200])
def test_what_is_no_key_of_immichs_stays_as_it_is(text: str) -> None:
    assert by_key(text) == ShareKey(text)


@given(st.text(), st.text(string.punctuation + "=é\n", max_size=9), st.integers(0, len(KEY)))
def test_immich_reads_a_key_as_we_do(text: str, strange: str, at: int) -> None:
    """It skips what belongs to no key, so none of that may get to it, quoted or not."""
    for key in (by_key(text), ShareKey(text)):
        (sent,) = key.headers.values()
        assert re.fullmatch(r"[A-Za-z0-9_-]*", sent)
    strange = strange.translate(dict.fromkeys(map(ord, "+/-_")))
    assert by_key(KEY[:at] + strange + KEY[at:]).headers == ShareKey(KEY).headers
    assert by_key(by_key(text).key) == by_key(text)
