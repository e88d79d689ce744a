"""Endpoints about assets: the upload's end, the bulk check, reading, trash, description, tags."""

import base64
import mimetypes
import os

from immich_drop.standin.accounts import user_json
from immich_drop.standin.bodies import Received
from immich_drop.standin.calls import Answer, Call
from immich_drop.standin.faults import Kind
from immich_drop.standin.forms import UploadForm, read_checks, read_ids, read_upload
from immich_drop.standin.library import Asset, now, stamp
from immich_drop.standin.tags import tag_json
from immich_drop.standin.wire import Problem, Refusal, Wire

BIND_PARAMETERS = 65_535
"""What one Postgres statement takes."""


NO_BODY = Problem(path=(), old=(), new="Invalid input: expected object, received undefined")


def decode_checksum(text: str) -> bytes:
    """Read a SHA-1 as Immich does: 28 characters are base64, else hex; garbage finds nothing."""
    try:
        return base64.b64decode(text) if len(text) == 28 else bytes.fromhex(text)
    except ValueError:
        return b""


def known(call: Call, checksum: str) -> Asset | None:
    """Find the asset `x-immich-checksum` names; it is a hint and never compared with the body."""
    return call.library.find(call.owner, decode_checksum(checksum))


def upload(call: Call) -> Answer:
    """POST /assets, once the body is on disk: take the file in, or find it in the library."""
    body = call.content
    if not body.understood and call.release.wire is not Wire.V2:
        raise Refusal(400, problems=[NO_BODY])
    form = read_upload(body.fields, call.release)
    if body.asset is None:
        only_sidecar = "Field(s) assetData should not be empty"
        raise Refusal(400, only_sidecar if body.sidecar else "File is required")
    _check_quota(call, body.asset.size)
    if form.live_video:
        _hide_live_video(call, form.live_video)
    asset = call.library.find(call.owner, body.asset.checksum)
    if asset:
        _join(call, asset)
        return duplicate(asset)
    return _insert(call, body.asset, form)


def _check_quota(call: Call, size: int) -> None:
    user = call.library.users[call.owner]
    full = user.quota is not None and user.quota < call.library.usage(user.id) + size
    if full or call.fault is Kind.QUOTA:
        raise Refusal(400, "Quota has been exceeded!")


def _insert(call: Call, received: Received, form: UploadForm) -> Answer:
    if call.fault is Kind.ERROR_BEFORE_INSERT:
        raise Refusal(500, "Failed to upload asset")
    asset = _asset(call, received, form)
    if call.fault is Kind.ERROR_AFTER_INSERT:
        if call.release.version < (3, 1, 0):
            call.library.add_asset(asset)
        raise Refusal(500, "Failed to upload asset")
    asset.file = call.library.keep(received.path, received.name)
    asset.trashed = call.fault is Kind.TRASHED_TWIN
    call.library.add_asset(asset)
    modified = form.modified_at.timestamp()
    os.utime(call.library.folder / asset.file, (modified, modified))
    if asset.trashed:
        return duplicate(asset)
    _join(call, asset)
    return Answer(201, {"id": asset.id, "status": "created"})


def _asset(call: Call, received: Received, form: UploadForm) -> Asset:
    return Asset(
        owner=call.owner,
        name=received.name,
        checksum=received.checksum,
        size=received.size,
        created_at=form.created_at,
        modified_at=form.modified_at,
        video=call.release.kind(received.name) == "video",
        file=None,
        favorite=form.favorite,
        visibility=form.visibility,
        live_video=form.live_video,
        device_asset_id=form.device_asset_id,
        device_id=form.device_id,
        sidecar=call.content.sidecar,
    )


def _hide_live_video(call: Call, asset_id: str) -> None:
    video = call.library.assets.get(asset_id)
    if video is None:
        raise Refusal(400, "Live photo video not found")
    if not video.video:
        raise Refusal(400, "Live photo video must be a video")
    if video.owner != call.owner:
        raise Refusal(400, "Live photo video does not belong to the user")
    video.visibility = "hidden"
    call.library.save(video)


def _join(call: Call, asset: Asset) -> None:
    """Put what came through a shared link into its album (2.6); duplicates too."""
    if call.link is None or call.release.version < (2, 6, 0):
        return
    album = call.library.albums[call.link.album]
    if asset.id not in album.assets:
        album.assets.append(asset.id)
        album.updated_at = now()
        call.library.save(album)


def duplicate(asset: Asset) -> Answer:
    """Answer an upload of bytes the library has."""
    return Answer(200, {"status": "duplicate", "id": asset.id})


def bulk_check(call: Call) -> Answer:
    """POST /assets/bulk-upload-check."""
    pairs = read_checks(call.body, call.release)
    if len(pairs) > BIND_PARAMETERS or (not pairs and call.release.version >= (1, 125, 0)):
        raise Refusal(500, "Failed to check bulk upload")
    return Answer(200, {"results": [_checked(call, *pair) for pair in pairs]})


def _checked(call: Call, item: str, checksum: str) -> dict[str, object]:
    asset = call.library.find_any(call.owner, decode_checksum(checksum))
    if asset is None:
        return {"id": item, "action": "accept"}
    found = {"id": item, "action": "reject", "reason": "duplicate", "assetId": asset.id}
    trashed = {"isTrashed": asset.trashed} if call.release.version >= (1, 115, 0) else {}
    return {**found, **trashed}


def _mine(call: Call, access: str) -> Asset:
    asset = call.library.assets.get(call.path[0])
    if asset is None or asset.owner != call.owner:
        raise Refusal(400, f"Not found or no {access} access")
    return asset


def get_asset(call: Call) -> Answer:
    """GET /assets/{id}."""
    asset = _mine(call, "asset.read")
    return Answer(200, asset_json(call, asset) | _relations(call, asset))


def update_asset(call: Call) -> Answer:
    """PUT /assets/{id}: description, favourite, live photo."""
    asset = _mine(call, "asset.update")
    if "description" in call.body:
        asset.description = str(call.body["description"])
    if "isFavorite" in call.body:
        asset.favorite = call.body["isFavorite"] is True
    if isinstance(video := call.body.get("livePhotoVideoId"), str):
        _hide_live_video(call, video)
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
    """DELETE /assets: into the trash, or for good as soon as the jobs run."""
    for asset in _all_mine(call, "asset.delete"):
        asset.trashed = True
        asset.doomed = call.body.get("force") is True
        call.library.save(asset)
    return Answer(204)


def restore_assets(call: Call) -> Answer:
    """POST /trash/restore/assets."""
    restored = [asset for asset in _all_mine(call, "asset.delete") if asset.trashed]
    for asset in restored:
        asset.trashed = False
        call.library.save(asset)
    return Answer(200, {"count": len(restored)})


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
