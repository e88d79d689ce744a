"""Where guests come in: at `/`, or by a shared link. Two libraries, with two albums each."""

import secrets
from dataclasses import dataclass, field

from harness.immich import Immich
from harness.product import Product
from harness.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """An address, and the album behind it, which has no other door."""

    path: str = field(repr=False)
    """What is before /files/ and the like; empty for the drop at `/`."""
    album: str
    owner: str
    """Id of the user whose library it is."""
    user: str | None = None
    """The owner's name; None for the host."""
    api_key: str | None = field(default=None, repr=False)
    """The owner's; None for the host's."""
    slug: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> list[str]:
        """What nobody may be told."""
        return [each for each in (self.path.rpartition("/")[2], self.slug, self.password) if each]

    def allow(self, immich: Immich, allowed: bool) -> None:
        """Be the owner, who lets guests bring files or not."""
        immich.share(
            self.album,
            owner=self.user,
            slug=self.slug,
            password=self.password,
            allow_upload=allowed,
        )

    def visit(self, product: Product) -> Visit:
        """Come in."""
        visit = Visit(product, self.path)
        if self.password is not None:
            assert visit.unlock(self.password).status == 204
        return visit


def doors(immich: Immich, *, album: str) -> list[Door]:
    """Share albums; the first door is that at `/`, which leads to `album`."""
    garden = _share(immich, "Garden", user=None)
    own = Door(path="", album=album, owner=garden.owner)
    hall = _share(immich, "Hall", user="Anna", named=True)
    club = _share(immich, "Club", user="Anna", password=f"open-{secrets.token_hex(16)}")
    return [own, garden, hall, club]


def _share(
    immich: Immich,
    album: str,
    *,
    user: str | None,
    password: str | None = None,
    named: bool = False,
) -> Door:
    slug = f"storm-{secrets.token_hex(16)}"
    link = immich.share(album, owner=user, slug=slug, password=password)
    return Door(
        path=f"/s/{slug}" if named else f"/share/{link.key}",
        album=album,
        owner=link.owner,
        api_key=link.api_key,
        user=user,
        slug=slug,
        password=password,
    )
