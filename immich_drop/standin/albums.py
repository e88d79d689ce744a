"""Endpoints about albums."""

from immich_drop.standin.accounts import user_json
from immich_drop.standin.assets import asset_json
from immich_drop.standin.calls import Answer, Call
from immich_drop.standin.forms import read_ids, read_text
from immich_drop.standin.rows import Album, Asset, stamp
from immich_drop.standin.wire import Refusal, Wire


def list_albums(call: Call) -> Answer:
    """GET /albums, newest first; 3.x lists what others share, too, unless `isOwned` is true."""
    owned_only = call.release.wire is Wire.V2 or call.query.get("isOwned") == "true"
    mine = [
        album
        for album in call.library.albums.values()
        if album.owner == call.owner or (call.owner in album.editors and not owned_only)
    ]
    if wanted := call.query.get("assetId"):
        mine = [album for album in mine if wanted in album.assets]
    return Answer(200, [album_json(call, album) for album in reversed(mine)])


def create_album(call: Call) -> Answer:
    """POST /albums; the name need not be unique."""
    name = read_text(call.body, "albumName")
    ids = read_ids(call.body, "assetIds") if "assetIds" in call.body else []
    description = str(call.body.get("description") or "")
    album = Album(owner=call.owner, name=name, description=description)
    call.library.save(album)
    _add(call, album, ids)
    body = album_json(call, album)
    body.pop("lastModifiedAssetTimestamp", None)
    if call.release.wire is Wire.V2:
        body["assets"] = _members(call, album)
    return Answer(201, body)


def get_album(call: Call) -> Answer:
    """GET /albums/{id}."""
    album = _accessible(call, "album.read")
    body = album_json(call, album)
    if call.release.wire is Wire.V2 and call.query.get("withoutAssets") != "true":
        body["assets"] = _members(call, album)
    if call.link:
        owners = {"userId": album.owner, "assetCount": len(album.assets)}
        body["contributorCounts"] = [owners]
    return Answer(200, body)


def delete_album(call: Call) -> Answer:
    """DELETE /albums/{id}; its assets stay."""
    call.library.remove_album(_accessible(call, "album.delete"))
    return Answer(204)


def add_assets(call: Call) -> Answer:
    """PUT /albums/{id}/assets."""
    ids = read_ids(call.body)
    if call.link and not call.link.allow_upload:
        raise Refusal(400, "Not found or no albumAsset.create access")
    if call.path[0] not in call.library.albums:
        raise Refusal(400, "Album not found")
    return Answer(200, _add(call, _accessible(call, "albumAsset.create"), ids))


def add_assets_to_many(call: Call) -> Answer:
    """PUT /albums/assets (1.139)."""
    ids = read_ids(call.body, "assetIds")
    albums = [call.library.albums.get(each) for each in read_ids(call.body, "albumIds")]
    results = [
        result
        for album in albums
        if album and album.owner == call.owner
        for result in _add(call, album, ids)
    ]
    if any(result["success"] for result in results):
        return Answer(200, {"success": True})
    duplicate = any(result["error"] == "duplicate" for result in results)
    return Answer(200, {"success": False, "error": "duplicate" if duplicate else "no_permission"})


def _accessible(call: Call, access: str) -> Album:
    album = call.library.albums.get(call.path[0])
    if album and (call.link.album == album.id if call.link else call.owner == album.owner):
        return album
    raise Refusal(400, f"Not found or no {access} access")


def _add(call: Call, album: Album, ids: list[str]) -> list[dict[str, object]]:
    results: list[dict[str, object]] = []
    members = set(album.assets)
    fresh: list[str] = []
    for each in ids:
        asset = call.library.assets.get(each)
        if asset is None or asset.owner != call.owner:
            results.append({"id": each, "success": False, "error": "no_permission"})
        elif each in members:
            results.append({"id": each, "success": False, "error": "duplicate"})
        else:
            members.add(each)
            fresh.append(each)
            results.append({"id": each, "success": True})
    if fresh:
        call.library.join(album, fresh)
    return results


def _members(call: Call, album: Album) -> list[dict[str, object]]:
    members = [asset_json(call, asset) for asset in _visible(call, album)]
    for each in members:
        del each["unassignedFaces"]
    return members


def _visible(call: Call, album: Album) -> list[Asset]:
    members = [call.library.assets[each] for each in album.assets]
    return [asset for asset in members if not asset.trashed]


def album_json(call: Call, album: Album) -> dict[str, object]:
    """Describe an album; the owner moved into `albumUsers` with 3.0."""
    owner = user_json(call.library.users[album.owner])
    if call.release.wire is Wire.V2:
        people: dict[str, object] = {
            "ownerId": album.owner,
            "owner": owner,
            "albumUsers": [],
            "assets": [],
        }
    else:
        people = {"albumUsers": [{"user": owner, "role": "owner"}]}
    linked = any(link.album == album.id for link in call.library.links.values())
    assets = _visible(call, album)
    return {
        "albumName": album.name,
        "description": album.description,
        "albumThumbnailAssetId": assets[0].id if assets else None,
        "createdAt": stamp(album.created_at),
        "updatedAt": stamp(album.updated_at),
        "id": album.id,
        **people,
        "shared": linked,
        "hasSharedLink": linked,
        **_span(assets),
        "assetCount": len(assets),
        "isActivityEnabled": True,
        "order": "desc",
    }


def _span(assets: list[Asset]) -> dict[str, object]:
    if not assets:
        return {}
    dates = [asset.created_at for asset in assets]
    return {
        "startDate": stamp(min(dates)),
        "endDate": stamp(max(dates)),
        "lastModifiedAssetTimestamp": stamp(max(asset.uploaded_at for asset in assets)),
    }
