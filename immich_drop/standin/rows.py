"""The rows of the stand-in's library, and how the journal encodes them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5


def now() -> datetime:
    """Return the current time, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class User:
    """An account of the server."""

    name: str
    quota: int | None = None
    """Bytes, or None for no limit."""
    admin: bool = False
    created_at: datetime = field(default_factory=now)

    @property
    def id(self) -> str:
        """The same id in every run."""
        return str(uuid5(NAMESPACE_URL, self.email))

    @property
    def email(self) -> str:
        """An address that cannot exist."""
        return f"{self.name.lower()}@example.com"


@dataclass(slots=True, kw_only=True)
class Key:
    """An API key."""

    secret: str
    user: User
    name: str
    permissions: frozenset[str]
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Asset:
    """A photo or a video."""

    owner: str
    name: str
    checksum: bytes
    """SHA-1 (20 bytes) of the received bytes."""
    size: int
    created_at: datetime
    """`fileCreatedAt` of the request."""
    modified_at: datetime
    video: bool = False
    file: str | None
    """Name in the folder; None where the row has no file (an orphan)."""
    trashed: bool = False
    doomed: bool = False
    """Deleted for good, but the job that removes it has not run yet."""
    favorite: bool = False
    visibility: str = "timeline"
    description: str = ""
    live_video: str | None = None
    library: str | None = None
    """The external library it belongs to; None for an upload."""
    device_asset_id: str = ""
    device_id: str = ""
    sidecar: str | None = None
    """The XMP, as received."""
    id: str = field(default_factory=lambda: str(uuid4()))
    uploaded_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Album:
    """An album; its assets in the order in which they joined."""

    owner: str
    name: str
    description: str = ""
    assets: list[str] = field(default_factory=list)
    editors: list[str] = field(default_factory=list)
    """Other users who may add to it."""
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Link:
    """A shared link to an album; without an album, to single photos, which are not stored here."""

    owner: str
    album: str | None
    key: str = field(default_factory=lambda: token_urlsafe(50))
    slug: str | None = None
    password: str | None = None
    description: str | None = None
    expires_at: datetime | None = None
    allow_upload: bool = False
    allow_download: bool = True
    show_metadata: bool = True
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Tag:
    """A tag; `value` is the whole path, `Party/Anna`."""

    owner: str
    value: str
    parent: str | None = None
    assets: list[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=now)


Row = Asset | Album | Link | Tag | User
TABLES: dict[str, type[Row]] = {
    "asset": Asset,
    "album": Album,
    "link": Link,
    "tag": Tag,
    "user": User,
}


def stamp(date: datetime) -> str:
    """Write an instant as Immich does: `2021-03-04T03:06:07.000Z`."""
    return date.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(value: object) -> str:
    """Encode a value that JSON cannot express."""
    match value:
        case bytes():
            return value.hex()
        case datetime():
            return value.isoformat()
    raise TypeError(type(value))


def decode(row: dict[str, Any]) -> dict[str, Any]:
    """Undo `encode` in a row."""

    def revive(name: str, value: object) -> object:
        if not isinstance(value, str):
            return value
        if name == "checksum":
            return bytes.fromhex(value)
        return datetime.fromisoformat(value) if name.endswith("_at") else value

    return {name: revive(name, value) for name, value in row.items()}
