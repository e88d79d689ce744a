"""Every endpoint the stand-in has: method, path below /api, and who may call it."""

import re
from collections.abc import Callable
from dataclasses import replace

from immich_drop.standin import accounts, albums, assets, links, tags, uploads
from immich_drop.standin.calls import Answer, Call, Route
from immich_drop.standin.wire import Release

Endpoint = Callable[[Call], Answer]


def route(line: str, endpoint: Endpoint, scope: str | None = None) -> Route:
    """Make a route of `METHOD /path` where `*` stands for one segment."""
    method, _, path = line.partition(" ")
    pattern = re.compile(path.replace("*", "([^/]+)") + "/?")
    return Route(method=method, pattern=pattern, endpoint=endpoint, scope=scope)


def server(name: str, endpoint: Endpoint, scope: str | None = None) -> list[Route]:
    """Make the routes of a server endpoint: /server/ since 1.107, /server-info/ until 1.117."""
    new = replace(route(f"GET /server/{name}", endpoint, scope), since=(1, 107, 0))
    old = replace(route(f"GET /server-info/{name}", endpoint, scope), until=(1, 118, 0))
    return [new, old]


def closed_to_links(line: str, endpoint: Endpoint, scope: str) -> list[Route]:
    """Make the routes of an endpoint that shared links may call until 2.7 (Immich #27023)."""
    made = route(line, endpoint, scope)
    return [replace(made, shared=True, until=(3, 0, 0)), replace(made, since=(3, 0, 0))]


SERVER = [
    replace(server("ping", accounts.ping)[0], in_maintenance=(2, 6, 0)),
    replace(server("version", accounts.version)[0], in_maintenance=(2, 5, 0)),
    replace(server("config", accounts.config)[0], in_maintenance=(2, 3, 0)),
    *server("ping", accounts.ping)[1:],
    *server("version", accounts.version)[1:],
    *server("config", accounts.config)[1:],
    *server("features", accounts.features),
    *server("media-types", accounts.media_types),
    *server("about", accounts.about, "server.about"),
    *server("storage", accounts.storage, "server.storage"),
]
ACCOUNTS = [
    route("GET /.well-known/immich", accounts.well_known),
    replace(route("GET /api-keys/me", accounts.my_key, ""), since=(1, 139, 0)),
    route("GET /users/me", accounts.me, "user.read"),
]
ASSETS = [
    replace(route("POST /assets", uploads.upload, "asset.upload"), streams=True, shared=True),
    route("DELETE /assets", assets.delete_assets, "asset.delete"),
    route("POST /assets/bulk-upload-check", uploads.bulk_check, "asset.check"),
    replace(route("GET /assets/*", assets.get_asset, "asset.read"), shared=True),
    route("PUT /assets/*", assets.update_asset, "asset.update"),
    route("GET /assets/*/original", assets.original, "asset.download"),
    route("POST /trash/restore/assets", assets.restore_assets, "asset.delete"),
]
ALBUMS = [
    route("GET /albums", albums.list_albums, "album.read"),
    route("POST /albums", albums.create_album, "album.create"),
    replace(
        route("PUT /albums/assets", albums.add_assets_to_many, "albumAsset.create"),
        since=(1, 139, 0),
    ),
    replace(route("GET /albums/*", albums.get_album, "album.read"), shared=True),
    route("DELETE /albums/*", albums.delete_album, "album.delete"),
    *closed_to_links("PUT /albums/*/assets", albums.add_assets, "albumAsset.create"),
]
TAGS = [
    route("PUT /tags", tags.upsert_tags, "tag.create"),
    route("PUT /tags/assets", tags.tag_many, "tag.asset"),
    route("PUT /tags/*/assets", tags.tag_one, "tag.asset"),
]
LINKS = [
    route("GET /shared-links", links.list_links, "sharedLink.read"),
    route("POST /shared-links", links.create_link, "sharedLink.create"),
    replace(route("GET /shared-links/me", links.my_link, ""), shared=True),
    replace(route("POST /shared-links/login", links.login, ""), shared=True, since=links.LOGIN),
    route("GET /shared-links/*", links.get_link, "sharedLink.read"),
    route("PATCH /shared-links/*", links.update_link, "sharedLink.update"),
    route("DELETE /shared-links/*", links.delete_link, "sharedLink.delete"),
]
ROUTES = (*SERVER, *ACCOUNTS, *ASSETS, *ALBUMS, *TAGS, *LINKS)


def find_route(method: str, path: str, release: Release) -> tuple[Route, tuple[str, ...]] | None:
    """Find the route for `method` and `path` (below /api) in this release; HEAD counts as GET."""
    method = "GET" if method == "HEAD" else method
    known = (each for each in ROUTES if each.method == method)
    for each in known:
        match = each.pattern.fullmatch(path)
        if match and each.since <= release.version < each.until:
            return each, match.groups()
    return None
