"""What the stand-in holds: users, keys, assets, albums, links; and the folder where it lasts.

The folder has the files under their own names, `listing.tsv` for people (name, sha1, size, date,
asset id) and `journal.jsonl`, from which a new process rebuilds what an earlier one held.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

MAX_NAME = 200
"""Bytes of a file name on disk; the asset keeps its whole name."""


def now() -> datetime:
    """Tell the time; aware, UTC."""
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
    """Deleted for good, but the job that does it has not run."""
    favorite: bool = False
    visibility: str = "timeline"
    description: str = ""
    live_video: str | None = None
    library: str | None = None
    """An external library; uploads have none."""
    device_asset_id: str = ""
    device_id: str = ""
    sidecar: bool = False
    id: str = field(default_factory=lambda: str(uuid4()))
    uploaded_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Album:
    """An album; its assets in the order in which they joined."""

    owner: str
    name: str
    description: str = ""
    assets: list[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid4()))
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Link:
    """A shared link to an album."""

    owner: str
    album: str
    key: str
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


Row = Asset | Album | Link | Tag
TABLES: dict[str, type[Row]] = {"asset": Asset, "album": Album, "link": Link, "tag": Tag}


class Library:
    """All rows, and the folder they are kept in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incoming = folder / ".incoming"
        self.incoming.mkdir(parents=True, exist_ok=True)
        self.users: dict[str, User] = {}
        self.keys: dict[str, Key] = {}
        self.assets: dict[str, Asset] = {}
        self.albums: dict[str, Album] = {}
        self.links: dict[str, Link] = {}
        self.tags: dict[str, Tag] = {}
        self._by_checksum: dict[tuple[str, bytes], Asset] = {}
        self._journal = folder / "journal.jsonl"
        self._listing = folder / "listing.tsv"
        self._replay()

    def add_key(self, secret: str, user: User, permissions: Iterable[str], name: str = "") -> Key:
        """Give a user an API key, and an account if there is none yet."""
        self.users.setdefault(user.id, user)
        key = Key(secret=secret, user=user, name=name, permissions=frozenset(permissions))
        self.keys[secret] = key
        return key

    def usage(self, owner: str) -> int:
        """Tell the bytes which count against a user's quota."""
        return sum(a.size for a in self.assets.values() if a.owner == owner and not a.library)

    def find(self, owner: str, checksum: bytes) -> Asset | None:
        """Find a user's uploaded asset by its SHA-1, in the trash too."""
        return self._by_checksum.get((owner, checksum))

    def find_any(self, owner: str, checksum: bytes) -> Asset | None:
        """Find a user's asset by its SHA-1, in external libraries too."""
        mine = (a for a in self.assets.values() if a.library and a.owner == owner)
        return self.find(owner, checksum) or next((a for a in mine if a.checksum == checksum), None)

    def keep(self, incoming: Path, name: str) -> str:
        """Give a received file its place in the folder; returns its name there."""
        stem, dot, suffix = name.replace("\0", "_").rpartition(".")
        stem = stem.encode()[: MAX_NAME - len(suffix)].decode("utf-8", "ignore")
        number, place = 1, self.folder / f"{stem}{dot}{suffix}"
        while place.exists():
            number += 1
            place = self.folder / f"{stem} ({number}){dot}{suffix}"
        incoming.rename(place)
        return place.name

    def save(self, row: Row) -> None:
        """Hold a row from now on, or what changed in it."""
        self._hold(row)
        table = next(name for name, kind in TABLES.items() if isinstance(row, kind))
        self._append(self._journal, json.dumps({table: asdict(row)}, default=encode))

    def add_asset(self, asset: Asset) -> None:
        """Hold a new asset and list it."""
        self.save(asset)
        self._append(self._listing, listed(asset))

    def remove(self, asset: Asset) -> None:
        """Forget an asset for good, its file too."""
        self._drop(asset.id)
        if asset.file:
            (self.folder / asset.file).unlink(missing_ok=True)
        self._append(self._journal, json.dumps({"gone": asset.id}))
        self._write_listing()

    def remove_album(self, album: Album) -> None:
        """Forget an album and the links to it; its assets stay."""
        self._drop_album(album.id)
        self._append(self._journal, json.dumps({"gone_album": album.id}))

    def _write_listing(self) -> None:
        fresh = self.incoming / self._listing.name
        lines = ["name\tsha1\tsize\tfileCreatedAt\tid", *map(listed, self.assets.values())]
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        fresh.replace(self._listing)

    @staticmethod
    def _append(path: Path, line: str) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _hold(self, row: Row) -> None:
        match row:
            case Asset():
                self.assets[row.id] = row
                if not row.library:
                    self._by_checksum[row.owner, row.checksum] = row
            case Album():
                self.albums[row.id] = row
            case Link():
                self.links[row.id] = row
            case Tag():
                self.tags[row.id] = row

    def _drop(self, asset_id: str) -> None:
        asset = self.assets.pop(asset_id)
        if self.find(asset.owner, asset.checksum) is asset:
            del self._by_checksum[asset.owner, asset.checksum]
        for album in self.albums.values():
            album.assets = [each for each in album.assets if each != asset_id]

    def _drop_album(self, album_id: str) -> None:
        del self.albums[album_id]
        for link in [each for each in self.links.values() if each.album == album_id]:
            del self.links[link.id]

    def _replay(self) -> None:
        for leftover in self.incoming.iterdir():
            leftover.unlink()
        self._journal.touch()
        whole, newline, _ = self._journal.read_text(encoding="utf-8").rpartition("\n")
        for line in filter(None, whole.split("\n")):
            ((table, row),) = json.loads(line).items()
            if table == "gone":
                self._drop(row)
            elif table == "gone_album":
                self._drop_album(row)
            else:
                self._hold(TABLES[table](**_decode(row)))
        # A line torn by a crash would swallow the next one.
        os.truncate(self._journal, len(whole + newline))
        self._write_listing()


def listed(asset: Asset) -> str:
    """Write an asset's line of the listing."""
    name = " ".join(asset.name.split())
    return "\t".join(
        (name, asset.checksum.hex(), str(asset.size), stamp(asset.created_at), asset.id)
    )


def stamp(date: datetime) -> str:
    """Write an instant as Immich does: `2021-03-04T03:06:07.000Z`."""
    return date.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(value: object) -> str:
    """Write what JSON has no word for."""
    match value:
        case bytes():
            return value.hex()
        case datetime():
            return value.isoformat()
    raise TypeError(type(value))


def _decode(row: dict[str, Any]) -> dict[str, Any]:
    def revive(name: str, value: object) -> object:
        if isinstance(value, str) and name == "checksum":
            return bytes.fromhex(value)
        return (
            datetime.fromisoformat(value)
            if isinstance(value, str) and name[-3:] == "_at"
            else value
        )

    return {name: revive(name, value) for name, value in row.items()}
