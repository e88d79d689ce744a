"""Endpoints about existing assets: reading, changing, trash."""

import base64
import mimetypes

from immich_drop.standin.accounts import user_json
from immich_drop.standin.calls import Answer, Call
from immich_drop.standin.forms import read_ids
from immich_drop.standin.rows import Asset, stamp
from immich_drop.standin.tags import tag_json
from immich_drop.standin.wire import Refusal, Wire


def hide_live_video(call: Call, asset_id: str) -> None:
    """Hide the video of a live photo; raises Refusal if the caller does not own such a video."""
    video = call.library.assets.get(asset_id)
    if video is None:
        raise Refusal(400, "Live photo video not found")
    if not video.video:
        raise Refusal(400, "Live photo video must be a video")
    if video.owner != call.owner:
        raise Refusal(400, "Live photo video does not belong to the user")
    video.visibility = "hidden"
    call.library.save(video)


STRIPPED = ("id", "type", "originalMimeType", "thumbhash", "localDateTime", "duration")
"""The fields of an asset that a link still shows when its host hides metadata."""


def _mine(call: Call, access: str) -> Asset:
    asset = call.library.assets.get(call.path[0])
    if asset is None or asset.owner != call.owner or asset.visibility == "locked":
        raise Refusal(400, f"Not found or no {access} access")
    return asset


def get_asset(call: Call) -> Answer:
    """GET /assets/{id}; a link shows assets that are in its album and not in the trash."""
    asset = _mine(call, "asset.read")
    if call.link is None:
        return Answer(200, asset_json(call, asset) | _relations(call, asset))
    album = call.library.albums.get(call.link.album or "")
    if album is None or asset.id not in album.assets or asset.trashed:
        raise Refusal(400, "Not found or no asset.read access")
    told = asset_json(call, asset)
    if not call.link.show_metadata:
        told = {each: told[each] for each in STRIPPED} | {"hasMetadata": False}
    return Answer(200, told)


def update_asset(call: Call) -> Answer:
    """PUT /assets/{id}: description, favourite, live photo."""
    asset = _mine(call, "asset.update")
    if "description" in call.body:
        asset.description = str(call.body["description"])
    if "isFavorite" in call.body:
        asset.favorite = call.body["isFavorite"] is True
    if isinstance(video := call.body.get("livePhotoVideoId"), str):
        hide_live_video(call, video)
        asset.live_video = video
    call.library.save(asset)
    return Answer(200, asset_json(call, asset))


def original(call: Call) -> Answer:
    """GET /assets/{id}/original."""
    asset = _mine(call, "asset.download")
    path = call.library.folder / asset.file if asset.file else None
    if path is None or not path.exists():
        raise Refusal(404, "Not Found")
    return Answer(200, file=path, headers={"Content-Type": _mime(asset)})


def delete_assets(call: Call) -> Answer:
    """DELETE /assets: move them to the trash, or delete them for good once the jobs run."""
    for asset in _all_mine(call, "asset.delete"):
        asset.trashed = True
        asset.doomed = call.body.get("force") is True
        call.library.save(asset)
    return Answer(204)


def restore_assets(call: Call) -> Answer:
    """POST /trash/restore/assets; counts, but does not restore, assets being deleted for good."""
    asked = _all_mine(call, "asset.delete")
    for asset in asked:
        if not asset.doomed:
            asset.trashed = False
            call.library.save(asset)
    return Answer(200, {"count": len(asked)})


def _all_mine(call: Call, access: str) -> list[Asset]:
    found = [call.library.assets.get(each) for each in read_ids(call.body)]
    mine = [asset for asset in found if asset and asset.owner == call.owner]
    if len(mine) < len(found):
        raise Refusal(400, f"Not found or no {access} access")
    return mine


def _mime(asset: Asset) -> str:
    return mimetypes.guess_type(asset.name)[0] or "application/octet-stream"


def asset_json(call: Call, asset: Asset) -> dict[str, object]:
    """Describe an asset; one without a file (an orphan) has no exif row either."""
    wire = call.release.wire
    devices = {"deviceAssetId": asset.device_asset_id, "deviceId": asset.device_id}
    exif = {"exifInfo": _exif(asset)} if asset.file else {}
    uploaded = stamp(asset.uploaded_at)
    return {
        "id": asset.id,
        "createdAt": uploaded,
        **(devices if wire is Wire.V2 else {}),
        "ownerId": asset.owner,
        "libraryId": asset.library,
        "type": "VIDEO" if asset.video else "IMAGE",
        "originalPath": f"/data/upload/{asset.owner}/{asset.file}",
        "originalFileName": asset.name,
        "originalMimeType": _mime(asset),
        "thumbhash": None,
        "fileCreatedAt": stamp(asset.created_at),
        "fileModifiedAt": stamp(asset.modified_at),
        "localDateTime": stamp(asset.created_at),
        "updatedAt": uploaded,
        "isFavorite": asset.favorite,
        "isArchived": asset.visibility == "archive",
        "isTrashed": asset.trashed,
        "visibility": asset.visibility,
        "duration": "0:00:00.00000" if wire is Wire.V2 else None,
        **exif,
        "livePhotoVideoId": asset.live_video,
        "people": [],
        "unassignedFaces": [],
        "checksum": base64.b64encode(asset.checksum).decode(),
        "isOffline": False,
        "hasMetadata": True,
        "duplicateId": None,
        "resized": True,
        "width": None,
        "height": None,
        "isEdited": False,
    }


NO_EXIF = [
    "make",
    "model",
    "exifImageWidth",
    "exifImageHeight",
    "orientation",
    "dateTimeOriginal",
    "modifyDate",
    "timeZone",
    "lensModel",
    "fNumber",
    "focalLength",
    "iso",
    "exposureTime",
    "latitude",
    "longitude",
    "city",
    "state",
    "country",
    "projectionType",
    "rating",
]


def _exif(asset: Asset) -> dict[str, object]:
    known = {"fileSizeInByte": asset.size or None, "description": asset.description}
    return dict.fromkeys(NO_EXIF, None) | known


def _relations(call: Call, asset: Asset) -> dict[str, object]:
    tags = [tag_json(tag) for tag in call.library.tags.values() if asset.id in tag.assets]
    return {"owner": user_json(call.library.users[asset.owner]), "tags": tags, "stack": None}
