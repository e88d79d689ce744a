"""Endpoints about shared links: a host makes one, a guest opens it."""

import base64
import hashlib
from datetime import datetime
from http.cookies import SimpleCookie
from secrets import token_urlsafe

from immich_drop.standin.albums import album_json
from immich_drop.standin.calls import Answer, Call
from immich_drop.standin.forms import read_text
from immich_drop.standin.rows import Link, stamp
from immich_drop.standin.wire import Refusal

COOKIE = "immich_shared_link_token"


def create_link(call: Call) -> Answer:
    """POST /shared-links, for an album."""
    album = call.library.albums.get(read_text(call.body, "albumId"))
    if album is None or album.owner != call.owner:
        raise Refusal(400, "Not found or no album.share access")
    link = Link(owner=call.owner, album=album.id, key=token_urlsafe(50))
    _change(call, link)
    return Answer(201, _link_json(link))


def _change(call: Call, link: Link) -> None:
    link.slug = _optional(call, "slug")
    link.password = _optional(call, "password")
    link.description = _optional(call, "description")
    link.allow_upload = call.body.get("allowUpload") is True
    link.allow_download = call.body.get("allowDownload", True) is True
    link.show_metadata = call.body.get("showMetadata", True) is True
    if expires := _optional(call, "expiresAt"):
        link.expires_at = datetime.fromisoformat(expires)
    call.library.save(link)


def _optional(call: Call, name: str) -> str | None:
    value = call.body.get(name)
    return value if isinstance(value, str) else None


def list_links(call: Call) -> Answer:
    """GET /shared-links."""
    mine = [link for link in call.library.links.values() if link.owner == call.owner]
    return Answer(200, [_opened(call, link) for link in mine])


def my_link(call: Call) -> Answer:
    """GET /shared-links/me, with the password as query or cookie where there is one."""
    link = _named(call)
    cookie = SimpleCookie(call.headers.get("Cookie", "")).get(COOKIE)
    if link.password is None or (cookie and cookie.value == _token(link)):
        return Answer(200, _opened(call, link))
    return _unlocked(call, link, call.query.get("password"), status=200)


def login(call: Call) -> Answer:
    """POST /shared-links/login."""
    return _unlocked(call, _named(call), _optional(call, "password"), status=201)


def _unlocked(call: Call, link: Link, password: str | None, *, status: int) -> Answer:
    if password is None:
        raise Refusal(401, "Password required")
    if password != link.password:
        raise Refusal(401, "Invalid password")
    cookie = f"{COOKIE}={_token(link)}; Path=/; HttpOnly; SameSite=Lax"
    return Answer(status, _opened(call, link), headers={"Set-Cookie": cookie})


def _named(call: Call) -> Link:
    if call.link is None:
        raise Refusal(403, "Forbidden")
    return call.link


def _token(link: Link) -> str:
    secret = hashlib.sha256(f"{link.id}-{link.password}".encode())
    return base64.urlsafe_b64encode(secret.digest()).decode()


def _opened(call: Call, link: Link) -> dict[str, object]:
    album = call.library.albums[link.album]
    return _link_json(link) | {"album": album_json(call, album)}


def _link_json(link: Link) -> dict[str, object]:
    return {
        "id": link.id,
        "description": link.description,
        "password": link.password,
        "userId": link.owner,
        "key": link.key,
        "type": "ALBUM",
        "createdAt": stamp(link.created_at),
        "expiresAt": stamp(link.expires_at) if link.expires_at else None,
        "assets": [],
        "allowUpload": link.allow_upload,
        "allowDownload": link.allow_download,
        "showMetadata": link.show_metadata,
        "slug": link.slug,
    }
