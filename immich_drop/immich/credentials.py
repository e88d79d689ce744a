"""Who we are to Immich: an API key, or the key or the slug of an album's shared link."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import quote

NAME = "immich-drop"
"""What we call ourselves."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the host's account."""

    key: str = field(repr=False)
    query: ClassVar[Mapping[str, str]] = {}

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request carries to be let in."""
        return {"x-api-key": self.key}


@dataclass(frozen=True, slots=True)
class ShareKey:
    """The key of a shared link: it may upload into the link's album, and hardly anything else."""

    key: str = field(repr=False)
    query: ClassVar[Mapping[str, str]] = {}

    @property
    def headers(self) -> Mapping[str, str]:
        """What a request carries to be let in."""
        # Immich's keys are base64url; whatever else a guest types has to fit a header all the same.
        return {"x-immich-share-key": quote(self.key)}


@dataclass(frozen=True, slots=True)
class ShareSlug:
    """The custom name of a shared link; it opens what the link's key opens.

    It may be any text, which only an address can carry, not a header.
    """

    slug: str = field(repr=False)
    headers: ClassVar[Mapping[str, str]] = {}

    @property
    def query(self) -> Mapping[str, str]:
        """What the address of a request carries to be let in."""
        return {"slug": self.slug}


Credential = ApiKey | ShareKey | ShareSlug
