"""Immich's shared links that guests have opened, as we remember them.

Immich decides about its links. We remember them to let guests in while Immich is down, to deliver
what came through a link, and to tell a link that has ended from one that never existed.
"""

import hashlib
import sqlite3
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import astuple, dataclass, field
from datetime import datetime
from secrets import token_urlsafe
from typing import Self

from immich_drop.db import Db, from_ms, to_column
from immich_drop.immich import SharedLink, ShareKey, ShareSlug
from immich_drop.immich.credentials import base64url
from immich_drop.upload import OWN

Ref = ShareKey | ShareSlug
"""How an address names a link: by its key, or by its custom name."""

KEY_BYTES = 50
"""Bytes of a key, before it is written in hexadecimal or base64url."""


def by_key(text: str) -> ShareKey:
    """Convert a link's key to the one spelling that we, and Immich's own page, use.

    Immich decodes a key before it looks it up (`validateSharedLinkKey`: hexadecimal if it has
    100 digits, else base64url, leniently), so that each has many spellings. Without this each of
    them would be a drop of its own, with a rate limit of its own for password guesses.
    """
    text = base64url(text)
    try:
        hexadecimal = len(text) == 2 * KEY_BYTES
        raw = bytes.fromhex(text) if hexadecimal else urlsafe_b64decode(text + "==")
    except ValueError:
        raw = b""
    known = len(raw) == KEY_BYTES
    return ShareKey(urlsafe_b64encode(raw).rstrip(b"=").decode() if known else text)


def scope(ref: Ref | None) -> str:
    """Return a name for a drop that does not reveal its address; empty for the one at `/`."""
    if ref is None:
        return ""
    name = f"{type(ref).__name__} {astuple(ref)}"
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One drop: that of a shared link, or, with the id OWN, the one at `/`."""

    id: str
    key: str = field(repr=False)
    slug: str | None
    title: str
    message: str
    expires_at: datetime | None
    album_id: str | None
    allow_upload: bool
    lock: str | None = field(repr=False)
    """Hash of its password, None if it has none; another password makes another hash."""

    @classmethod
    def own(cls, *, title: str, message: str) -> Self:
        """Make the drop at `/`."""
        return cls(
            id=OWN,
            key="",
            slug=None,
            title=title,
            message=message,
            expires_at=None,
            album_id=None,
            allow_upload=True,
            lock=None,
        )


class LinkBook:
    """Every link that was ever open to a guest; so there are no more than Immich ever had."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def get(self, link_id: str) -> Link | None:
        """Look a link up by Immich's id."""
        return self._one("SELECT * FROM links WHERE id = ?", link_id)

    def title(self, link_id: str) -> str:
        """Return what a link's host calls it; empty for the drop's own library."""
        known = self.get(link_id)
        return known.title if known else ""

    def find(self, ref: Ref) -> Link | None:
        """Look a link up as its address names it."""
        if isinstance(ref, ShareKey):
            return self._one("SELECT * FROM links WHERE key = ?", ref.key)
        return self._one("SELECT * FROM links WHERE slug = ?", ref.slug)

    async def remember(self, shared: SharedLink, *, password: str | None) -> Link:
        """Store what Immich says about a link; `password` has opened it, None if it needs none."""
        link = Link(
            id=shared.id,
            key=shared.key,
            slug=shared.slug,
            title=shared.title,
            message=shared.description,
            expires_at=shared.expires_at,
            album_id=shared.album_id,
            allow_upload=shared.allow_upload and shared.album_id is not None,
            lock=None if password is None else _lock(shared.key, password),
        )
        if link != self.get(link.id):
            await self._db.write(lambda connection: _keep(connection, link), durable=True)
        return link

    async def lock(self, link: Link) -> None:
        """Note that a link has a password now; a random lock stands in until a guest enters it."""
        if link.lock is None:
            query = "UPDATE links SET lock = ? WHERE id = ? AND lock IS NULL"
            await self._write(query, token_urlsafe(16), link.id)

    async def close(self, link: Link) -> None:
        """Note that a link takes no files, until Immich says that it does."""
        if link.allow_upload:
            await self._write("UPDATE links SET allow_upload = 0 WHERE id = ?", link.id)

    async def take_name(self, link: Link) -> None:
        """Note that a link is not called any more what we thought."""
        query = "UPDATE links SET slug = NULL WHERE id = ? AND slug = ?"
        await self._write(query, link.id, link.slug)

    async def _write(self, query: str, *values: str | None) -> None:
        await self._db.write(lambda connection: connection.execute(query, values), durable=True)

    def _one(self, query: str, value: str) -> Link | None:
        rows = self._db.read(query, value)
        return _from_row(rows[0]) if rows else None


def _lock(key: str, password: str) -> str:
    """Hash a password with the link's key, so that the hash alone does not allow guessing."""
    secret = key.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
    return hashlib.blake2b(password.encode(), key=secret, digest_size=16).hexdigest()


def _keep(connection: sqlite3.Connection, link: Link) -> None:
    row = [to_column(value) for value in astuple(link)]
    # A host may give one link's custom name to another.
    connection.execute(
        "UPDATE links SET slug = NULL WHERE slug = ? AND id <> ?", (link.slug, link.id)
    )
    connection.execute("INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _from_row(row: sqlite3.Row) -> Link:
    values = dict(row)
    if values["expires_at"] is not None:
        values["expires_at"] = from_ms(values["expires_at"])
    values["allow_upload"] = bool(values["allow_upload"])
    return Link(**values)
