"""Nights, wrong clocks and months: what silence costs, and what is forgotten in the end."""

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from harness.immich import Immich
from harness.product import Product, running
from harness.wait import until
from harness.websocket import WebSocket

HALVES = b"half of it on Friday, the rest on Monday"
A_MONTH = timedelta(days=31)
MS = timedelta(milliseconds=1)
SETTLED = {"stored", "duplicate"}


def edit(product: Product, statement: str, *values: object) -> None:
    """Change the database of a product that does not run."""
    with closing(sqlite3.connect(product.folder / "data" / "state.db")) as db:
        assert db.execute(statement, values).rowcount > 0
        db.commit()


def date_bytes(product: Product, url: str, moment: datetime) -> None:
    """Date what came of an upload."""
    (path,) = (each for each in product.spool if each.name == url.rpartition("/")[2])
    os.utime(path, (moment.timestamp(), moment.timestamp()))


def expires(product: Product, url: str) -> datetime:
    return parsedate_to_datetime(product.tus.head(url)["Upload-Expires"])


def told(product: Product, session: str) -> list[str]:
    """Give the items of a session that a page is told of."""
    answer = product.tus.ask("GET", "/api/uploads", {"Drop-Session": session})
    return [each["item"] for each in answer.json()["uploads"]]


def known(product: Product, session: str, files: list[bytes]) -> list[bytes]:
    """Give the files a page need not send."""
    by_sha1 = {hashlib.sha1(data).hexdigest(): data for data in files}
    question = json.dumps({"session": session, "checksums": list(by_sha1)}).encode()
    headers = {"Content-Type": "application/json"}
    answer = product.tus.ask("POST", "/api/known", headers, question)
    return [by_sha1[sha1] for sha1 in answer.json()["known"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was there when the drop was started again."""

    product: Product
    session: str
    half: str
    """Brought on Friday; the drop was off since."""
    future: str
    settled: list[bytes]
    """A month ago, as the items 0, 1, 2 ..."""


@pytest.fixture(name="past", scope="module")
def fixture_past(immich: Immich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    session = secrets.token_hex(16)
    files = [f"{session} {number}".encode() for number in range(5)]
    with running(tmp_path_factory.mktemp("past"), **immich.settings) as product:
        for item, data in enumerate(files):
            product.tus.upload(data, session=session, item=str(item))
        half = product.tus.create(len(HALVES), session=session, item="half")
        future = product.tus.create(9)
        for url in (half, future):
            product.tus.patch(url, 0, HALVES[:4])
        until(lambda: len(product.spool) == 2, "all others to be in Immich")
        product.stop()
        friday = datetime.now(UTC) - timedelta(days=3)
        edit(product, "UPDATE facts SET value = ? WHERE key = 'looked-at'", friday.isoformat())
        for change in (
            "uploads SET updated_at = updated_at - ?",
            "uploads SET created_at = created_at - ?",
            "ledger SET settled_at = settled_at - ?",
        ):
            edit(product, f"UPDATE {change}", A_MONTH // MS)
        date_bytes(product, half, friday)
        date_bytes(product, future, friday + timedelta(days=4000))
        product.start()
        yield Past(product=product, session=session, half=half, future=future, settled=files)


def test_what_was_settled_a_month_ago_is_forgotten_and_known(past: Past, immich: Immich) -> None:
    product, session, files = past.product, past.session, past.settled
    until(lambda: told(product, session) == ["half"], "what is settled to be forgotten")
    with WebSocket(product.address) as page:
        page.say({"session": session})
        assert [each["item"] for each in page.hear()["uploads"]] == ["half"]
        product.tus.upload(files[0], session=session, item="0")
        heard = page.hear_until(lambda news: news["upload"]["state"] in SETTLED)
        assert heard[-1]["upload"]["state"] == "duplicate"
    assert known(product, session, [*files, b"never seen"]) == files
    for data in files:
        immich.wait_for(data)


def test_days_for_which_the_drop_was_off_are_no_silence(past: Past, immich: Immich) -> None:
    until(lambda: "passed unwatched" in past.product.process.log, "a look at what lies around")
    assert expires(past.product, past.half) > datetime.now(UTC) + timedelta(hours=47)
    assert past.product.tus.patch(past.half, 4, HALVES[4:]).status == 204
    immich.wait_for(HALVES)


def test_bytes_from_the_future_expire_as_others_do(past: Past) -> None:
    def mended() -> bool:
        return expires(past.product, past.future) <= datetime.now(UTC) + timedelta(hours=48)

    until(mended, "the date to be mended")
    assert past.product.tus.offset(past.future) == 4
