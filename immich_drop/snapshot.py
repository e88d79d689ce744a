"""All uploads of a session, as its page sees them.

To put one together takes 0.02 ms for each upload, on the event loop. So the rate limit counts
uploads, not requests: a guest with thousands must not hold up everybody by asking again and again.
"""

from immich_drop.db import Db
from immich_drop.destination import Destinations
from immich_drop.limits import Rate
from immich_drop.progress import Event, event
from immich_drop.receive import Receiver


class Snapshot:
    """Puts together what the row, the spool and the forwarders know."""

    def __init__(
        self, *, db: Db, receiver: Receiver, destinations: Destinations, rate: Rate
    ) -> None:
        self._db = db
        self._receiver = receiver
        self._destinations = destinations
        self._rate = rate

    def of(self, session: str, *, address: str) -> list[Event]:
        """Return every upload of a session, oldest first. Raises RateLimited, Unavailable."""
        self._rate.spend(address, self._db.count_of_session(session))
        return [
            event(
                upload,
                offset=self._receiver.offset(upload),
                sent=self._destinations.sent(upload),
            )
            for upload in self._db.of_session(session)
        ]
