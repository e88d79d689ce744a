"""Nights, wrong clocks and months: what silence costs, and what is forgotten in the end."""

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from harness.immich import Immich
from harness.product import Product, running
from harness.wait import until
from harness.websocket import WebSocket

DAYS = 3
A_MONTH = timedelta(days=31)
MS = timedelta(milliseconds=1)
SETTLED = {"stored", "duplicate"}


def edit(product: Product, statement: str, *values: object) -> None:
    """Change the database of a product that does not run."""
    with closing(sqlite3.connect(product.folder / "data" / "state.db")) as db:
        assert db.execute(statement, values).rowcount > 0
        db.commit()


def date_bytes(product: Product, moment: datetime) -> None:
    """Date all that is in the spool."""
    for path in product.spool:
        os.utime(path, (moment.timestamp(), moment.timestamp()))


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


def test_a_drop_that_was_off_for_days_goes_on_with_what_it_has(
    immich: Immich, tmp_path: Path
) -> None:
    data = b"half of it on Friday, the rest on Monday"
    with running(tmp_path, **immich.settings) as product:
        url = product.tus.create(len(data))
        product.tus.patch(url, 0, data[:9])
        product.stop()
        friday = datetime.now(UTC) - timedelta(days=DAYS)
        date_bytes(product, friday)
        edit(product, "UPDATE facts SET value = ? WHERE key = 'looked-at'", friday.isoformat())
        product.start()
        until(lambda: "unwatched" in product.process.log, "a look at what lies around")
        expires = parsedate_to_datetime(product.tus.head(url)["Upload-Expires"])
        assert expires > datetime.now(UTC) + timedelta(hours=47)
        assert product.tus.patch(url, 9, data[9:]).status == 204
        immich.wait_for(data)


def test_bytes_from_the_future_expire_as_others_do(immich: Immich, tmp_path: Path) -> None:
    with running(tmp_path, **immich.settings) as product:
        url = product.tus.create(9)
        product.tus.patch(url, 0, b"half")
        product.stop()
        date_bytes(product, datetime.now(UTC) + timedelta(days=4000))
        product.start()

        def expires() -> datetime:
            return parsedate_to_datetime(product.tus.head(url)["Upload-Expires"])

        until(lambda: expires() <= datetime.now(UTC) + timedelta(hours=48), "the date to be mended")
        assert product.tus.offset(url) == 4


def test_what_was_settled_a_month_ago_is_forgotten_and_known(
    immich: Immich, tmp_path: Path, session: str
) -> None:
    files = [f"{session} {number}".encode() for number in range(5)]
    with running(tmp_path, **immich.settings) as product:
        for item, data in enumerate(files):
            product.tus.upload(data, session=session, item=str(item))
        unfinished = product.tus.create(9, session=session, item="unfinished")
        product.tus.patch(unfinished, 0, b"half")
        until(lambda: len(product.spool) == 1, "all to be in Immich")
        product.stop()
        for table, column in (
            ("uploads", "updated_at"),
            ("uploads", "created_at"),
            ("ledger", "settled_at"),
        ):
            edit(product, f"UPDATE {table} SET {column} = {column} - ?", A_MONTH // MS)
        product.start()
        until(lambda: told(product, session) == ["unfinished"], "what is settled to be forgotten")
        with WebSocket(product.address) as page:
            page.say({"session": session})
            assert [each["item"] for each in page.hear()["uploads"]] == ["unfinished"]
            product.tus.upload(files[0], session=session, item="0")
            heard = page.hear_until(lambda news: news["upload"]["state"] in SETTLED)
            assert heard[-1]["upload"]["state"] == "duplicate"
        assert known(product, session, [*files, b"never seen"]) == files
        for data in files:
            immich.wait_for(data)
        assert product.tus.offset(unfinished) == 4
