"""Endpoints about shared links: a host creates one, a guest opens it."""

import base64
import hashlib
from datetime import datetime
from http.cookies import SimpleCookie

from immich_drop.standin.albums import album_json
from immich_drop.standin.calls import Answer, Call
from immich_drop.standin.forms import EMPTY, read_text
from immich_drop.standin.rows import Link, stamp
from immich_drop.standin.wire import Problem, Refusal, Version, Wire

COOKIE = "immich_shared_link_token"
LOGIN: Version = (2, 6, 0)
"""The first version with POST /shared-links/login, and with a message for a missing password."""
FIELDS = {
    "slug": "slug",
    "password": "password",
    "description": "description",
    "allowUpload": "allow_upload",
    "allowDownload": "allow_download",
    "showMetadata": "show_metadata",
}
"""The properties of a link that a host may set, and their names in our rows."""


def create_link(call: Call) -> Answer:
    """POST /shared-links, for an album."""
    album = call.library.albums.get(read_text(call.body, "albumId"))
    if album is None or album.owner != call.owner:
        raise Refusal(400, "Not found or no album.share access")
    link = Link(owner=call.owner, album=album.id)
    _change(call, link)
    return Answer(201, _link_json(link))


def _change(call: Call, link: Link) -> None:
    """Set the properties that the body names; the others stay as they are."""
    for name, field in FIELDS.items():
        if name in call.body:
            setattr(link, field, call.body[name])
    if "expiresAt" in call.body:
        expires = _optional(call, "expiresAt")
        link.expires_at = datetime.fromisoformat(expires) if expires else None
    call.library.save(link)


def get_link(call: Call) -> Answer:
    """GET /shared-links/{id}."""
    return Answer(200, _opened(call, _mine(call)))


def update_link(call: Call) -> Answer:
    """PATCH /shared-links/{id}: the password, the expiry, whether uploads are allowed."""
    link = _mine(call)
    _change(call, link)
    return Answer(200, _link_json(link))


def delete_link(call: Call) -> Answer:
    """DELETE /shared-links/{id}."""
    call.library.remove_link(_mine(call))
    return Answer(204)


def _mine(call: Call) -> Link:
    link = call.library.links.get(call.path[0])
    if link is None or link.owner != call.owner:
        raise Refusal(400, "Shared link not found")
    return link


def _optional(call: Call, name: str) -> str | None:
    value = call.body.get(name)
    return value if isinstance(value, str) else None


def list_links(call: Call) -> Answer:
    """GET /shared-links."""
    mine = [link for link in call.library.links.values() if link.owner == call.owner]
    return Answer(200, [_opened(call, link) for link in mine])


def my_link(call: Call) -> Answer:
    """GET /shared-links/me, with the password as query (until 2.7) or cookie if there is one."""
    link = _named(call)
    cookie = SimpleCookie(call.headers.get("Cookie", "")).get(COOKIE)
    if link.password is None or (cookie and cookie.value == _token(link)):
        return Answer(200, _opened(call, link))
    password = None if call.release.wire is Wire.V3 else call.query.get("password")
    if password is None and call.release.version >= LOGIN:
        raise Refusal(401, "Password required")
    return _unlocked(call, link, password, status=200)


def login(call: Call) -> Answer:
    """POST /shared-links/login."""
    link, password = _named(call), _optional(call, "password")
    if not password:
        problem = Problem(path=("password",), old=(EMPTY,), new="Invalid input")
        raise Refusal(400, problems=[problem])
    if link.password is None:
        raise Refusal(400, "Shared link is not password protected")
    return _unlocked(call, link, password, status=201)


def _unlocked(call: Call, link: Link, password: str | None, *, status: int) -> Answer:
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
    if link.album is None:
        return _link_json(link)
    return _link_json(link) | {"album": album_json(call, call.library.albums[link.album])}


def _link_json(link: Link) -> dict[str, object]:
    return {
        "id": link.id,
        "description": link.description,
        "password": link.password,
        "userId": link.owner,
        "key": link.key,
        "type": "ALBUM" if link.album else "INDIVIDUAL",
        "createdAt": stamp(link.created_at),
        "expiresAt": stamp(link.expires_at) if link.expires_at else None,
        "assets": [],
        "allowUpload": link.allow_upload,
        "allowDownload": link.allow_download,
        "showMetadata": link.show_metadata,
        "slug": link.slug,
    }
