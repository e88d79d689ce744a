"""The one thread that writes to the database.

It takes all writes that wait, runs each in a savepoint of one transaction and commits once. A
transaction with a durable write in it (`received`, or that Immich has the file) is synced to disk
before the callers hear of it, and so is everything committed earlier: ten phones that finish
together pay for one fsync. Without one it is not synced: it survives a crash of the process, but
perhaps not a power cut.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar, cast

from immich_drop.errors import Unavailable

log = logging.getLogger(__name__)

BATCH = 256
"""Writes in one transaction at most."""

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], T]


@dataclass(frozen=True, slots=True)
class _Job:
    write: Write[object]
    durable: bool
    """Somebody will be told: it has to be on disk for good."""
    done: "asyncio.Future[object]"


class Writer:
    """Owns the connection that writes."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.failing = False
        """Whether the last transaction, or a write in it, failed."""
        self._connection = connection
        self._path = path
        self._synchronous = ""
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="db", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what waits, and close the connection."""
        self._jobs.put(None)
        self._thread.join()
        self._connection.close()

    async def write(self, write: Write[T], *, durable: bool = False) -> T:
        """Do a write; when this returns it is committed, and with `durable` on disk for good.

        Raises what the write raises, and Unavailable for what SQLite does.
        """
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(write, durable, done))
        return cast(T, await done)

    def _work(self) -> None:
        while True:
            jobs = [self._jobs.get()]
            while len(jobs) < BATCH and not self._jobs.empty():
                jobs.append(self._jobs.get())
            self._transact([job for job in jobs if job is not None])
            if None in jobs:
                return

    def _transact(self, jobs: list[_Job]) -> None:
        """Run jobs in one transaction; one that fails is undone without the others."""
        if not jobs:
            return
        # FULL syncs the whole log, with what was committed before.
        synchronous = "FULL" if any(job.durable for job in jobs) else "NORMAL"
        try:
            self._see_file()
            self._set_synchronous(synchronous)
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._attempt(job, alone=len(jobs) == 1) for job in jobs]
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            outcomes = [Unavailable(f"database: {error}")] * len(jobs)
            self._roll_back()
        self.failing = any(isinstance(outcome, Unavailable) for outcome in outcomes)
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.done.get_loop().call_soon_threadsafe(_resolve, job.done, outcome)

    def _see_file(self) -> None:
        """See that the file still has its name: SQLite writes on into one that was deleted.

        Raises sqlite3.OperationalError.
        """
        try:
            self._path.stat()
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from error

    def _set_synchronous(self, how: str) -> None:
        if how != self._synchronous:
            self._connection.execute(f"PRAGMA synchronous={how}")
            self._synchronous = how

    def _attempt(self, job: _Job, *, alone: bool) -> object:
        """Run one job, in a savepoint unless it is alone.

        Each statement may have to wait for the GIL, so a job that is alone goes without.
        """
        if not alone:
            self._connection.execute("SAVEPOINT job")
        try:
            outcome = job.write(self._connection)
        except Exception as error:  # the caller meets it; thread and others go on
            broken = isinstance(error, sqlite3.Error)
            if broken and not self._connection.in_transaction:
                raise  # SQLite gave up the whole transaction, and with it all jobs
            self._connection.execute("ROLLBACK" if alone else "ROLLBACK TO job")
            outcome = Unavailable(f"database: {error}") if broken else error
        if not alone:
            self._connection.execute("RELEASE job")
        return outcome

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            log.exception("the database does not even roll back")


def _resolve(done: "asyncio.Future[object]", outcome: object) -> None:
    if done.cancelled():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
