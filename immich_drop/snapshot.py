"""All uploads of a session, as its page sees them."""

from immich_drop.db import Db
from immich_drop.destination import Destinations
from immich_drop.progress import Event, event
from immich_drop.receive import Receiver


class Snapshot:
    """Puts together what the row, the spool and the forwarders know."""

    def __init__(self, *, db: Db, receiver: Receiver, destinations: Destinations) -> None:
        self._db = db
        self._receiver = receiver
        self._destinations = destinations

    def of(self, session: str) -> list[Event]:
        """Return every upload of a session, oldest first. Raises Unavailable."""
        return [
            event(
                upload,
                offset=self._receiver.offset(upload),
                sent=self._destinations.sent(upload),
            )
            for upload in self._db.of_session(session)
        ]
