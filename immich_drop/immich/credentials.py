"""Who we are to Immich: an API key, or the key or the slug of an album's shared link."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

NAME = "immich-drop"
"""The name we give Immich, as User-Agent and as device id."""

_URLSAFE = str.maketrans("+/", "-_")
_STRANGE = re.compile(r"[^A-Za-z0-9_-]")


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
        return {"x-immich-share-key": base64url(self.key)}


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


def base64url(text: str) -> str:
    """Remove what is in no key of a link.

    Immich reads a key as Node does, which takes + for -, skips what it does not know, or decodes
    the low byte of it. So a text with anything else in it can mean what we do not see.
    """
    return _STRANGE.sub("", text.translate(_URLSAFE))
