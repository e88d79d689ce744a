"""Who we are to Immich: an API key, or the key or the slug of an album's shared link."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import quote

NAME = "immich-drop"
"""The name we give Immich, as User-Agent and as device id."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the host's account."""

    key: str = field(repr=False)
    query: ClassVar[Mapping[str, str]] = {}

    @property
    def headers(self) -> Mapping[str, str]:
        """The header that authorises a request."""
        return {"x-api-key": self.key}


@dataclass(frozen=True, slots=True)
class ShareKey:
    """The key of a shared link: it may upload into the link's album, and hardly anything else."""

    key: str = field(repr=False)
    query: ClassVar[Mapping[str, str]] = {}

    @property
    def headers(self) -> Mapping[str, str]:
        """The header that authorises a request."""
        # Immich's keys are base64url, but a guest may type anything, and it has to fit a header.
        return {"x-immich-share-key": quote(self.key)}


@dataclass(frozen=True, slots=True)
class ShareSlug:
    """The custom name of a shared link; it gives the same access as the link's key.

    It may be any text, so it goes into the URL: a header could not carry it.
    """

    slug: str = field(repr=False)
    headers: ClassVar[Mapping[str, str]] = {}

    @property
    def query(self) -> Mapping[str, str]:
        """The query parameter that authorises a request."""
        return {"slug": self.slug}


Credential = ApiKey | ShareKey | ShareSlug
