"""The stand-in's users, keys, assets, albums and links, and the folder that keeps them.

The folder has the files under their own names, `listing.tsv` for people (name, sha1, size, date,
asset id), and `journal.jsonl`, from which a new process rebuilds the library of an earlier one.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from immich_drop.standin.rows import (
    TABLES,
    Album,
    Asset,
    Key,
    Link,
    Row,
    Tag,
    User,
    decode,
    encode,
    now,
    stamp,
)

MAX_NAME = 200
"""The most bytes of a file name on disk; the asset itself keeps the whole name."""


class Library:
    """All rows, and the folder that keeps them."""

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
        self._uploads: dict[tuple[str, bytes], Asset] = {}
        self._external: dict[tuple[str, bytes], Asset] = {}
        self._names: Counter[str] = Counter()
        self._journal = folder / "journal.jsonl"
        self._listing = folder / "listing.tsv"
        self._replay()

    def add_key(self, secret: str, user: User, permissions: Iterable[str], name: str = "") -> Key:
        """Give a user an API key, and an account if there is none yet."""
        user = self.users.setdefault(user.id, user)
        key = Key(secret=secret, user=user, name=name, permissions=frozenset(permissions))
        self.keys[secret] = key
        return key

    def usage(self, owner: str) -> int:
        """Return the bytes that count against a user's quota."""
        return sum(a.size for a in self.assets.values() if a.owner == owner and not a.library)

    def find(self, owner: str, checksum: bytes) -> Asset | None:
        """Find a user's uploaded asset by its SHA-1, also in the trash."""
        return self._uploads.get((owner, checksum))

    def find_any(self, owner: str, checksum: bytes) -> Asset | None:
        """Find a user's asset by its SHA-1, also in external libraries."""
        return self.find(owner, checksum) or self._external.get((owner, checksum))

    def keep(self, incoming: Path, name: str) -> str:
        """Move a received file into the folder; return its name there."""
        stem, dot, suffix = re.sub(r"[\0/]", "_", name).rpartition(".")
        stem = stem.encode()[: MAX_NAME - len(suffix)].decode("utf-8", "ignore")
        place = self.folder / f"{stem}{dot}{suffix}"
        while place.exists():
            self._names[name] += 1
            place = self.folder / f"{stem} ({self._names[name] + 1}){dot}{suffix}"
        incoming.rename(place)
        return place.name

    def save(self, row: Row) -> None:
        """Store a new or changed row."""
        self._hold(row)
        table = next(name for name, kind in TABLES.items() if isinstance(row, kind))
        self._note(table, {name: getattr(row, name) for name in row.__slots__})

    def add_asset(self, asset: Asset) -> None:
        """Store a new asset and add it to the listing."""
        self.save(asset)
        self._append(self._listing, listed(asset))

    def remove(self, asset: Asset) -> None:
        """Remove an asset for good, with its file."""
        self._drop(asset.id)
        if asset.file:
            (self.folder / asset.file).unlink(missing_ok=True)
        self._note("asset gone", asset.id)
        self._write_listing()

    def remove_album(self, album: Album) -> None:
        """Remove an album and the links to it; its assets stay."""
        self._drop_album(album.id)
        self._note("album gone", album.id)

    def remove_link(self, link: Link) -> None:
        """Remove a link: it admits nobody any more."""
        del self.links[link.id]
        self._note("link gone", link.id)

    def join(self, album: Album, assets: list[str]) -> None:
        """Add assets to an album; only these go into the journal, however long the album is."""
        album.updated_at = now()
        album.assets += assets
        self._note("album joined", [album.id, assets])

    def _write_listing(self) -> None:
        fresh = self.incoming / self._listing.name
        lines = ["name\tsha1\tsize\tfileCreatedAt\tid", *map(listed, self.assets.values())]
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        fresh.replace(self._listing)

    def _note(self, change: str, what: object) -> None:
        self._append(self._journal, json.dumps({change: what}, default=encode))

    @staticmethod
    def _append(path: Path, line: str) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _hold(self, row: Row) -> None:
        match row:
            case Asset():
                self.assets[row.id] = row
                index = self._external if row.library else self._uploads
                index[row.owner, row.checksum] = row
            case Album():
                self.albums[row.id] = row
            case Link():
                self.links[row.id] = row
            case Tag():
                self.tags[row.id] = row
            case User():
                self.users[row.id] = row

    def _drop(self, asset_id: str) -> None:
        asset = self.assets.pop(asset_id)
        index = self._external if asset.library else self._uploads
        del index[asset.owner, asset.checksum]
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
            ((change, what),) = json.loads(line).items()
            match change:
                case "asset gone":
                    self._drop(what)
                case "album gone":
                    self._drop_album(what)
                case "link gone":
                    del self.links[what]
                case "album joined":
                    self.albums[what[0]].assets += what[1]
                case _:
                    self._hold(TABLES[change](**decode(what)))
        # Cut off a line that a crash left incomplete: the next one would be appended to it.
        os.truncate(self._journal, len(whole + newline))
        self._write_listing()


def listed(asset: Asset) -> str:
    """Return an asset's line of the listing."""
    name = " ".join(asset.name.split())
    return "\t".join(
        (name, asset.checksum.hex(), str(asset.size), stamp(asset.created_at), asset.id)
    )
