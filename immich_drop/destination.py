"""Where uploads go: the host's own library, or the album of a shared link.

Each has its own queue, gate and workers, so that a closed link does not hold up the others. How
many uploads are sent at a time is limited for all of them together (MAX_CONCURRENT).
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from immich_drop.db import Db
from immich_drop.errors import ImmichHold, NotFound
from immich_drop.forward import Forwarder
from immich_drop.gate import Gate
from immich_drop.immich import Immich
from immich_drop.progress import Progress
from immich_drop.upload import OWN, State, Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One library or album, and what delivers to it."""

    immich: Immich
    gate: Gate
    forwarder: Forwarder


class Destinations:
    """All destinations; each is created when it is first used."""

    def __init__(
        self,
        *,
        make: Callable[[str], Destination],
        db: Db,
        progress: Progress,
        now: Callable[[], datetime],
    ) -> None:
        self._make = make
        self._db = db
        self._progress = progress
        self._now = now
        self._made: dict[str, Destination] = {}
        self._stopped = False

    def of(self, link: str) -> Destination:
        """Return the destination of a link, or of OWN. Raises LinkUnknown."""
        if link not in self._made:
            made = self._made[link] = self._make(link)
            if not self._stopped:
                made.forwarder.start()
        return self._made[link]

    def start(self) -> None:
        """Queue the uploads that were waiting when the server stopped."""
        self.of(OWN)
        for upload in self._db.in_state(State.RECEIVED):
            self.of(upload.link).forwarder.resume(upload)

    async def stop(self, grace: float) -> None:
        """Let deliveries under way end for `grace` seconds; the others stay `received`.

        So does what is received from now on, also by a link that was not used before.
        """
        self._stopped = True
        await asyncio.gather(*(each.forwarder.stop(grace) for each in self._made.values()))

    def close(self) -> None:
        """Close the connections to Immich."""
        for each in self._made.values():
            each.immich.close()

    def push(self, upload: Upload) -> None:
        """Queue an upload: it is delivered in its turn, once it is due."""
        self.of(upload.link).forwarder.push(upload)

    async def rescan(self) -> None:
        """Queue uploads that another process made `received` again: the host's `retry`."""
        for upload_id, link in self._db.links_of(State.RECEIVED).items():
            forwarder = self.of(link).forwarder
            if not forwarder.has(upload_id) and (upload := self._db.get(upload_id)):
                forwarder.resume(upload)

    def sent(self, upload: Upload) -> int:
        """Tell how many bytes of an upload are on their way to Immich."""
        return self._made[upload.link].forwarder.sent(upload.id) if upload.link in self._made else 0

    def holds(self) -> Iterator[ImmichHold]:
        """Yield the reason of each link whose uploads have to wait."""
        for link, each in self._made.items():
            if link != OWN and each.gate.reason is not None and not each.forwarder.idle():
                yield each.gate.reason

    async def retry(self, upload_id: str, *, session: str) -> None:
        """Try a failed upload of a session again. Raises NotFound, StateConflict, Unavailable."""
        upload = self._db.get(upload_id)
        if upload is None or upload.session != session:
            raise NotFound(upload_id)
        upload = await self._db.retry(upload, now=self._now())
        self._progress.publish(upload)
        self.of(upload.link).forwarder.resume(upload)
