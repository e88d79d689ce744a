"""Who we are to Immich: an API key, or the key or the slug of an album's shared link."""

from dataclasses import dataclass, field

NAME = "immich-drop"
"""What we call ourselves."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the host's account."""

    key: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries to be let in."""
        return {"x-api-key": self.key}


@dataclass(frozen=True, slots=True)
class ShareKey:
    """The key of a shared link: it may upload into the link's album, and hardly anything else."""

    key: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries to be let in."""
        return {"x-immich-share-key": self.key}


@dataclass(frozen=True, slots=True)
class ShareSlug:
    """The custom name of a shared link; it opens what the link's key opens."""

    slug: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries to be let in."""
        return {"x-immich-share-slug": self.slug}


Credential = ApiKey | ShareKey | ShareSlug
