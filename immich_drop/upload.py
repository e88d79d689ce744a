"""What an upload is: the record, and the only moves it can make.

    POST            last byte fsynced           Immich has it, verified
     -> receiving ----------------> received ----------------> stored | duplicate
           |  DELETE, expiration       |  ^ wait (attempts, retry_at, code)
           v                           |  +-- guest or host retries
        gone (404)                     +----> failed (code)     Immich will never take this file

All five states are persisted. "Being sent" is a fact of the process and lives in memory: after a
crash nothing has to be unset.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """The five states of an upload."""

    RECEIVING = "receiving"
    RECEIVED = "received"
    STORED = "stored"
    DUPLICATE = "duplicate"
    FAILED = "failed"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.RECEIVING: frozenset({State.RECEIVED}),
    State.RECEIVED: frozenset({State.STORED, State.DUPLICATE, State.FAILED}),
    State.FAILED: frozenset({State.RECEIVED}),
    State.STORED: frozenset(),
    State.DUPLICATE: frozenset(),
}

SETTLED = frozenset({State.STORED, State.DUPLICATE})
"""Immich has the file; our bytes may go."""


OWN = ""
"""In place of a link's id: the drop at `/`, which leads into the host's own library."""

_ID = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


def new_id() -> str:
    """Make an id nobody can guess: 128 random bits in base64url.

    It never begins with `-`: `purge ID` would take that for an option.
    """
    made = secrets.token_urlsafe(16)
    return new_id() if made.startswith("-") else made


def is_id(text: str) -> bool:
    """Tell whether a text has the shape of an id."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Checksum:
    """The checksum a client named for one chunk."""

    algorithm: str
    """As hashlib names it."""
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file on its way from a guest to Immich, as its row knows it.

    The offset is not here: it is the size of the spool file. A fresh upload has the defaults.
    """

    id: str
    """Unguessable; the upload URL is the capability."""
    session: str | None
    """The guest's browser, or None for a generic tus client."""
    item: str | None
    """The page's own id of the file: one session and item are one upload."""
    address: str
    """Where the creation came from, for limits per address."""
    name: str
    """File name as `clean_name` leaves it."""
    metadata: str
    """Upload-Metadata as the client sent it; HEAD echoes it (tus 1.0.0, creation)."""
    length: int | None
    """Bytes, or None while deferred (tus creation-defer-length)."""
    last_modified: datetime | None
    """The file's own date as the guest's device told it; aware, UTC."""
    declared: bytes | None
    """SHA-1 (20 bytes) which the client named at creation."""
    proven: int | None = None
    """Offset to fall back to while a chunk with a checksum is unverified, else None."""
    checksum: bytes | None = None
    """SHA-1 (20 bytes) of all bytes; known from `received` on."""
    state: State = State.RECEIVING
    asset_id: str | None = None
    """Immich's id of the asset."""
    attempts: int = 0
    """Deliveries that failed so far."""
    offered: bool = False
    """Some of its bytes went to Immich in a delivery that failed."""
    retry_at: datetime | None = None
    """When the next delivery is due after a failed one; aware, UTC."""
    code: str | None = None
    """Why it waits or failed: a code of `errors`."""
    created_at: datetime
    updated_at: datetime
    link: str
    """Immich's id of the shared link it came by; OWN for the host's own library."""
    guest: str | None
    """Who brings it, as they call themselves."""

    def can_become(self, state: State) -> bool:
        """Tell whether the table allows the move."""
        return state in TRANSITIONS[self.state]
