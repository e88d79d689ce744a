"""Checks a shared link by opening it as a guest would."""

from collections.abc import AsyncIterator
from contextlib import closing
from urllib.parse import unquote, urlsplit

from immich_drop.check.finding import Finding, error, ok
from immich_drop.errors import ImmichError, LinkUnknown, PasswordRequired
from immich_drop.immich import Immich, SharedLink, ShareKey, ShareSlug

_SHAPES: dict[str, type[ShareKey | ShareSlug]] = {"share": ShareKey, "s": ShareSlug}
"""Immich's paths for shared links, which we use too."""


async def link(*, base_url: str, address: str) -> AsyncIterator[Finding]:
    """Try the link with this address; the host in it is ignored."""
    *_, kind, name = ["", "", *urlsplit(address).path.rstrip("/").split("/")]
    if kind not in _SHAPES or not name:
        sentence = "This is not the address of a link."
        yield error("link", sentence, "Copy it from Immich: it ends in /share/... or /s/...")
        return
    credential = _SHAPES[kind](unquote(name))
    immich = Immich(base_url=base_url, credential=credential, max_connections=1)
    with closing(immich):
        try:
            shared = await immich.shared_link()
        except PasswordRequired:
            yield ok("link", "The link asks for a password; without it Immich tells nothing more.")
        except LinkUnknown:
            sentence = "Immich does not know this link, or it has ended."
            yield error("link", sentence, "Share the album again, and check when the link expires.")
        except ImmichError as failure:
            yield error("link", f"{failure}.", "Look at Immich's log.")
        else:
            yield _shared(shared)


def _shared(shared: SharedLink) -> Finding:
    if shared.album_id is None:
        sentence = "The link shows single photos, not an album."
        return error("link", sentence, "Share an album, and use its link.")
    if not shared.allow_upload:
        sentence = f"The link only shows the album {shared.title!r}."
        return error("link", sentence, "Allow public upload in the settings of the link.")
    until = f"until {shared.expires_at:%d %B %Y %H:%M} UTC" if shared.expires_at else "without end"
    return ok("link", f"Guests can add to the album {shared.title!r} {until}, without a password.")
