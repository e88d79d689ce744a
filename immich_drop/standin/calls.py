"""A request as an endpoint sees it, the answer it gives, and authentication."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from immich_drop.standin.bodies import Body
from immich_drop.standin.faults import Kind
from immich_drop.standin.library import Library
from immich_drop.standin.rows import Key, Link
from immich_drop.standin.wire import Refusal, Release, Version

EVER: Version = (99, 0, 0)
SLUGS: Version = (1, 137, 0)
"""The first version in which a link can have a custom name."""

_URLSAFE = str.maketrans("+/", "-_")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body (None: no body), or a file to send."""

    status: int
    body: object = None
    file: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    library: Library
    release: Release
    path: tuple[str, ...] = ()
    """What the groups of the route's pattern matched."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    key: Key | None = None
    link: Link | None = None
    maintenance: bool = False
    content: Body = field(default_factory=Body)
    fault: Kind | None = None
    """The fault that strikes when the asset is inserted."""

    @property
    def body(self) -> Mapping[str, object]:
        """The fields of the body."""
        return self.content.fields

    @property
    def owner(self) -> str:
        """The id of the user whose library the request is about."""
        if self.key:
            return self.key.user.id
        if self.link:
            return self.link.owner
        raise Refusal(401, "Authentication required")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path, and who may call it."""

    method: str
    pattern: re.Pattern[str]
    endpoint: Callable[[Call], Answer]
    scope: str | None
    """The permission an API key needs; "": any key will do, None: no key is needed."""
    streams: bool = False
    """The body is streamed to disk, and the caller is authenticated before it is read."""
    shared: bool = False
    """Shared links may call it."""
    in_maintenance: Version = EVER
    """The first version that serves it in maintenance mode."""
    since: Version = (0, 0, 0)
    until: Version = EVER


def authenticate(call: Call, route: Route) -> Call:
    """Add the caller's identity to the call; raises Refusal with 401 or 403."""
    if route.scope is None:
        return call
    if link := find_link(call):
        if not route.shared:
            raise Refusal(403, "Forbidden")
        return replace(call, link=link)
    secret = call.headers.get("x-api-key", call.query.get("apiKey", "")).strip()
    if not secret:
        bearer = call.headers.get("Authorization", "").startswith("Bearer ")
        raise Refusal(401, "Invalid user token" if bearer else "Authentication required")
    key = call.library.keys.get(secret)
    if key is None:
        raise Refusal(401, "Invalid API key")
    scope = call.release.scope(route.scope)
    if scope and not key.permissions & {scope, "all"}:
        raise Refusal(403, f"Missing required permission: {scope}")
    return replace(call, key=key)


def find_link(call: Call) -> Link | None:
    """Find the shared link a request names by key or slug; raises Refusal with 401."""
    ways = {"key": "x-immich-share-key"}
    if call.release.version >= SLUGS:
        ways["slug"] = "x-immich-share-slug"
    for what, name in ways.items():
        value = call.query.get(what) or call.headers.get(name)
        if value is None:
            continue
        links = call.library.links.values()
        link = next((each for each in links if _names(value, each, what)), None)
        if link is None or (link.expires_at and link.expires_at <= datetime.now(UTC)):
            raise Refusal(401, f"Invalid share {what}")
        return link
    return None


def _names(value: str, link: Link, what: str) -> bool:
    return link.slug == value if what == "slug" else _decoded(link.key) == _decoded(value)


def _decoded(key: str) -> bytes:
    """Decode a key as Immich does with Node, which skips what it does not know."""
    if len(key) == 100:
        digits = re.match(r"(?:[0-9A-Fa-f]{2})*", key)
        return bytes.fromhex(digits[0]) if digits else b""
    # Node ends at the first "="; a letter too many tells nothing.
    text = re.sub(r"[^A-Za-z0-9_-]", "", key.translate(_URLSAFE).partition("=")[0])
    return urlsafe_b64decode(text[: len(text) - (len(text) % 4 == 1)] + "==")
