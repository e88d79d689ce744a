"""`python -m bench.soak`: simulates a day in minutes, with delivery into the stand-in, to see
whether memory, disk or database grow.

Every guest opens the page, uploads ten files (one of them with an interruption), and abandons
another. Every third guest comes back for that one, mostly too late: unfinished uploads expire
within seconds. After each of 24 "hours" the settled rows are dated back by eight days, so that they
are forgotten four hours later. Then the drop's resources are measured; they are printed as a table
and kept in bench/results/soak.json.
"""

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import machine
from bench.contestants import Running, ours, running
from bench.forwarding import standin
from bench.tools import RESULTS
from bench.visitors import FILES, Abandoned, Visitors

HOURS = 24
GUESTS = 4
"""Guests at a time."""
EXPIRATION = 5
"""Seconds after which an unfinished upload expires, and between two searches for such uploads."""
AGING = timedelta(days=8)
RETURNING = 3
"""One guest in this many comes back for the abandoned upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The resources the drop uses at the end of an hour."""

    hour: int
    uploads: int
    """Files completely uploaded so far."""
    too_late: int
    """Guests who came back for an expired upload so far."""
    pruned: int
    """Settled rows deleted so far."""
    rss_mb: float
    files_open: int
    threads: int
    rows: int
    unfinished: int
    spool: int
    database_mb: float
    per_s: float


class Soak:
    """A simulated day."""

    def __init__(self, product: Running, folder: Path) -> None:
        self._visitors = Visitors(product.port)
        self._pid = product.pid
        self._folder = folder
        self._brought = self._too_late = 0
        self._abandoned: list[Abandoned] = []

    def hour(self, number: int, guests: int) -> Mark:
        """Let guests come, and measure the drop once all their files are in Immich."""
        began, before = time.monotonic(), self._brought
        with ThreadPoolExecutor(GUESTS) as pool:
            returning = self._abandoned[::RETURNING]
            self._abandoned = list(pool.map(lambda _: self._visitors.visit(), range(guests)))
            late = list(pool.map(self._visitors.come_back, returning))
        self._brought += guests * FILES + len(late)
        self._too_late += sum(late)
        self.wait("SELECT count(*) FROM ledger", self._brought)
        per_s = (self._brought - before) / (time.monotonic() - began)
        mark = self._weigh(number, per_s)
        self._age()
        return mark

    def wait(self, query: str, count: int) -> None:
        """Wait until a query of the database returns `count`."""
        while self._count(query) != count:
            time.sleep(0.1)

    def _weigh(self, hour: int, per_s: float) -> Mark:
        settled = self._count("SELECT count(*) FROM uploads WHERE state = 'stored'")
        proc = Path("/proc") / str(self._pid)
        lines = (proc / "status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        return Mark(
            hour=hour,
            uploads=self._brought,
            too_late=self._too_late,
            pruned=self._brought - settled,
            rss_mb=round(int(status["VmRSS"].split()[0]) / 1000, 1),
            files_open=len(list((proc / "fd").iterdir())),
            threads=int(status["Threads"]),
            rows=self._count("SELECT count(*) FROM uploads"),
            unfinished=self._count("SELECT count(*) FROM uploads WHERE state = 'receiving'"),
            spool=len(list((self._folder / "spool").iterdir())),
            database_mb=round((self._folder / "state.db").stat().st_size / 1e6, 1),
            per_s=round(per_s, 1),
        )

    def _age(self) -> None:
        """Date the settled rows back."""
        with closing(self._open()) as db, db:
            db.execute(
                "UPDATE uploads SET updated_at = updated_at - ? WHERE state = 'stored'",
                (AGING // timedelta(milliseconds=1),),
            )

    def _count(self, query: str) -> int:
        with closing(self._open()) as db:
            return int(db.execute(query).fetchone()[0])

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._folder / "state.db", timeout=30)


def main() -> None:
    """Upload the number of files asked for; print and store the measurements."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--uploads", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where the files go")
    given = parser.parse_args()
    guests = max(1, given.uploads // HOURS // FILES)
    with tempfile.TemporaryDirectory(prefix="soak-", dir=given.folder) as temporary:
        place = Path(temporary)
        about = machine.describe(place) | {"date": f"{datetime.now(UTC):%Y-%m-%d}"}
        with standin(place / "immich") as (url, key):
            env = {"IMMICH_BASE_URL": url, "IMMICH_API_KEY": key}
            env["UPLOAD_EXPIRATION"] = f"{EXPIRATION}s"
            with running(ours(), place / "drop", env=env) as product:
                _live(Soak(product, place / "drop"), guests, about)


def _live(soak: Soak, guests: int, about: dict[str, str]) -> None:
    names = [field.name for field in fields(Mark)]
    print("".join(f"{name:>12}" for name in names))
    marks: list[Mark] = []
    for number in range(1, HOURS + 1):
        marks.append(soak.hour(number, guests))
        print("".join(f"{value:12}" for value in asdict(marks[-1]).values()), flush=True)
        _keep(marks, about)
    soak.wait("SELECT count(*) FROM uploads WHERE state = 'receiving'", 0)
    print("what was abandoned has expired")


def _keep(marks: Sequence[Mark], about: dict[str, str]) -> None:
    curve = [asdict(mark) for mark in marks]
    text = json.dumps({"about": about, "expiration_s": EXPIRATION, "curve": curve}, indent=1)
    (RESULTS / "soak.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
