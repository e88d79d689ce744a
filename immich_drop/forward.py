"""Spool -> Immich: the second half of the journey.

Our bytes stay until Immich itself has named their checksum. Whatever goes wrong before that, the
upload stays `received` and is tried again; only what no retry can mend is `failed`.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from immich_drop.db import Db
from immich_drop.deliver import Courier, Delivered
from immich_drop.errors import (
    DropError,
    ImmichError,
    ImmichFailed,
    ImmichHold,
    ImmichQuota,
    ImmichRefused,
    Unavailable,
)
from immich_drop.gate import Gate
from immich_drop.ledger import Ledger
from immich_drop.metrics import Metrics
from immich_drop.progress import Progress
from immich_drop.spool import Spool
from immich_drop.turns import Turns
from immich_drop.upload import State, Upload

log = logging.getLogger(__name__)

FIRST_DELAY = 1.0
LONGEST_DELAY = 600.0
"""Seconds until a delivery that failed by itself is tried again; doubles each time, jittered."""

LATER = 8.0
"""Seconds until a delivery is tried again that failed for a reason of ours, jittered."""

TELL = 0.25
"""Seconds between two events of one upload's progress."""


class Forwarder:
    """Delivers received uploads to one destination; each of its `workers` has one in hand."""

    def __init__(
        self,
        *,
        courier: Courier,
        gate: Gate,
        db: Db,
        ledger: Ledger,
        spool: Spool,
        progress: Progress,
        metrics: Metrics,
        workers: int,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._courier = courier
        self._gate = gate
        self._db = db
        self._ledger = ledger
        self._spool = spool
        self._progress = progress
        self._metrics = metrics
        self._hands = workers
        self._clock = clock
        self._now = now
        self._turns = Turns()
        self._sent: dict[str, int] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._underway: set[asyncio.Task[float]] = set()
        self._taken: set[str] = set()
        """Uploads whose turn has come, until their attempt is over."""

    def start(self) -> None:
        """Start the workers, on what is pushed."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._hands)]

    async def stop(self, grace: float) -> None:
        """Let deliveries under way end for `grace` seconds; the others stay `received`."""
        self._turns.close()
        self._gate.stop()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._underway:
            await asyncio.wait(self._underway, timeout=grace)
        for attempt in self._underway:
            attempt.cancel()
        await asyncio.gather(*self._underway, return_exceptions=True)

    def resume(self, upload: Upload) -> None:
        """Take on what was received a while ago: its file may have changed since."""
        self._courier.doubt(upload.id)
        self.push(upload)

    def push(self, upload: Upload) -> None:
        """Take an upload on; it is delivered when it is its turn, and due."""
        delay = (upload.retry_at - self._now()).total_seconds() if upload.retry_at else 0
        if delay > 0:
            # A clock that was set right meanwhile must not make it a matter of years.
            self._turns.join_later(upload.id, _sender(upload), min(delay, LONGEST_DELAY))
        else:
            self._turns.join(upload.id, _sender(upload))

    def has(self, upload_id: str) -> bool:
        """Tell whether an upload is in line, or its turn has come."""
        return upload_id in self._taken or self._turns.has(upload_id)

    def idle(self) -> bool:
        """Tell whether there is nothing to deliver, now or later."""
        return self._turns.is_empty() and not self._taken

    def sent(self, upload_id: str) -> int:
        """Tell how many bytes of an upload are on their way to Immich."""
        return self._sent.get(upload_id, 0)

    async def _work(self) -> None:
        while True:
            upload_id = await self._turns.next()
            self._taken.add(upload_id)
            await self._gate.enter()
            attempt = asyncio.create_task(self._attempt(upload_id))
            self._underway.add(attempt)
            attempt.add_done_callback(self._underway.discard)
            await asyncio.sleep(await asyncio.shield(attempt))

    async def _attempt(self, upload_id: str) -> float:
        """Take one upload on; gives the seconds to rest before the next one.

        A database that takes nothing takes nothing of the next upload either, and thousands may
        wait: each would ask Immich, and leave a line in the log.
        """
        rest = 0.0
        try:
            upload = self._db.get(upload_id)
            if upload is not None and upload.state is State.RECEIVED:
                await self._deliver(upload)
            else:
                self._gate.inconclusive()
        except Exception as error:
            if isinstance(error, DropError):
                log.warning("upload=%s %s %s", upload_id, error.code, error)
            else:
                log.error("upload=%s delivery failed", upload_id, exc_info=error)
            if isinstance(error, Unavailable):
                rest = _jitter(LATER)
            self._gate.inconclusive()
            # Its row may be what cannot be read, so the guest is unknown: a line of its own.
            self._turns.join_later(upload_id, upload_id, _jitter(LATER))
        finally:
            self._sent.pop(upload_id, None)
            self._taken.discard(upload_id)
        return rest

    async def _deliver(self, upload: Upload) -> None:
        try:
            delivered = await self._courier.deliver(upload, sent=self._teller(upload))
        except ImmichQuota as error:
            # Told only after the whole body; and smaller ones may still fit, and open the gate.
            self._gate.hold(error)
            await self._wait(upload, error, _backoff(upload), attempts=upload.attempts + 1)
        except ImmichHold as error:
            self._gate.hold(error)
            await self._wait(upload, error, self._gate.pause)
        except ImmichRefused as error:
            self._gate.answered()
            await self._fail(upload, error)
        except ImmichFailed as error:
            self._gate.fail(upload.id, error)
            await self._wait_longer(upload, error)
        except ImmichError as error:
            self._gate.answered()
            await self._wait_longer(upload, error)
        except Unavailable as error:
            self._gate.inconclusive()
            await self._wait_longer(upload, error)
        else:
            self._gate.succeed()
            await self._settle(upload, delivered)

    async def _settle(self, upload: Upload, delivered: Delivered) -> None:
        waited = (self._now() - upload.updated_at).total_seconds()
        upload = await self._ledger.settle(upload, delivered.state, delivered.asset_id, self._now())
        log.info("upload=%s %s asset=%s", upload.id, upload.state, upload.asset_id)
        self._metrics.deliveries.labels(upload.state).inc()
        self._metrics.bytes_sent.inc(self.sent(upload.id))
        self._metrics.delivery_seconds.observe(waited)
        self._progress.publish(upload)
        await self._spool.delete(upload.id)

    async def _fail(self, upload: Upload, error: ImmichRefused) -> None:
        log.error("upload=%s failed: %s (%s)", upload.id, error.code, error)
        self._metrics.deliveries.labels(State.FAILED).inc()
        changes = {"code": error.code, "retry_at": None, "updated_at": self._now()}
        self._progress.publish(await self._db.move(upload, State.FAILED, **changes))

    async def _wait_longer(self, upload: Upload, error: ImmichError | Unavailable) -> None:
        """Wait twice as long after each attempt that failed by itself."""
        log.warning("upload=%s waits: %s (%s)", upload.id, error.code, error)
        await self._wait(upload, error, _backoff(upload), attempts=upload.attempts + 1)

    async def _wait(
        self,
        upload: Upload,
        error: ImmichError | Unavailable,
        delay: float,
        *,
        attempts: int | None = None,
    ) -> None:
        """Wait for `delay` seconds; an attempt counts if it failed by itself."""
        self._metrics.deliveries.labels(error.code).inc()
        upload = await self._db.change(
            upload,
            attempts=upload.attempts if attempts is None else attempts,
            offered=upload.offered or self.sent(upload.id) > 0,
            retry_at=self._now() + timedelta(seconds=delay),
            code=error.code,
        )
        self._progress.publish(upload)
        self.push(upload)

    def _teller(self, upload: Upload) -> Callable[[int], None]:
        """Make the progress callback of one upload: it tells the page, but not every block.

        It is called in the thread that sends.
        """
        loop = asyncio.get_running_loop()
        told = float("-inf")

        def tell(sent: int) -> None:
            nonlocal told
            self._sent[upload.id] = sent
            if self._clock() - told >= TELL:
                told = self._clock()
                loop.call_soon_threadsafe(partial(self._progress.publish, upload, sent=sent))

        return tell


def _backoff(upload: Upload) -> float:
    return _jitter(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(upload.attempts, 16)))


def _jitter(seconds: float) -> float:
    return random.uniform(0.5, 1) * seconds


def _sender(upload: Upload) -> str:
    """Name the line an upload stands in: its session's, or its address's if it has none."""
    return upload.session or upload.address
