"""Our own records of what Immich's answers say."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from immich_drop.immich.answers import maybe, member


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An asset that has the bytes we asked for."""

    asset_id: str
    trashed: bool | None
    """Whether it is in the trash; None if this credential cannot tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The result of an upload."""

    asset_id: str
    created: bool
    """False: Immich already had the bytes."""

    @classmethod
    def read(cls, value: object) -> Self:
        """Read the answer to POST /assets."""
        return cls(
            asset_id=member(value, "id", str),
            created=member(value, "status", str) == "created",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account whose library receives the files."""

    quota: int | None
    """Bytes, or None if there is no limit."""
    usage: int
    """Bytes."""
    is_admin: bool

    @classmethod
    def read(cls, value: object) -> Self:
        """Read the answer to GET /users/me."""
        quota, usage = maybe(value, "quotaSizeInBytes"), maybe(value, "quotaUsageInBytes")
        return cls(
            quota=quota if isinstance(quota, int) else None,
            usage=usage if isinstance(usage, int) else 0,
            is_admin=member(value, "isAdmin", bool),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLink:
    """The properties of a shared link that we need; guests may see the title and the description.

    Immich's answer also has the password in clear text and the album's contents; we keep neither.
    """

    id: str
    """Stays the same when the host edits the link."""
    key: str = field(repr=False)
    """Opens the link even after the host has changed the slug it was opened by."""
    slug: str | None
    title: str
    description: str
    expires_at: datetime | None
    allow_upload: bool
    album_id: str | None
    """None: the link shares single photos instead of an album."""

    @classmethod
    def read(cls, value: object) -> Self:
        """Read the answer to GET /shared-links/me."""
        album = maybe(value, "album")
        slug = maybe(value, "slug")
        description = maybe(value, "description")
        expires_at = maybe(value, "expiresAt")
        return cls(
            id=member(value, "id", str),
            key=member(value, "key", str),
            slug=slug if isinstance(slug, str) else None,
            title=member(album, "albumName", str) if album else "",
            description=description if isinstance(description, str) else "",
            expires_at=datetime.fromisoformat(expires_at) if isinstance(expires_at, str) else None,
            allow_upload=member(value, "allowUpload", bool),
            album_id=member(album, "id", str) if album else None,
        )
