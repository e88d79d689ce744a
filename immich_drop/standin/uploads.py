"""The endpoints that an uploader calls: the upload, and the check of checksums before it."""

import base64
import os

from immich_drop.standin.assets import hide_live_video
from immich_drop.standin.bodies import Received
from immich_drop.standin.calls import Answer, Call
from immich_drop.standin.faults import Kind
from immich_drop.standin.forms import UploadForm, read_checks, read_upload
from immich_drop.standin.rows import Asset
from immich_drop.standin.sidecars import description
from immich_drop.standin.wire import Problem, Refusal, Wire

ZERO_IS_A_QUOTA = (1, 132, 0)
"""The first version in which a quota of 0 bytes is not taken for none."""

BIND_PARAMETERS = 65_535
"""The most parameters that one Postgres statement takes."""
NO_BODY = Problem(path=(), old=(), new="Invalid input: expected object, received undefined")


def decode_checksum(text: str) -> bytes:
    """Decode a SHA-1 as Immich does: 28 characters are base64, else hex; garbage is never found."""
    try:
        return base64.b64decode(text) if len(text) == 28 else bytes.fromhex(text)
    except ValueError:
        return b""


def known(call: Call, checksum: str) -> Asset | None:
    """Find the asset that `x-immich-checksum` names; the body is never checked against it."""
    return call.library.find(call.owner, decode_checksum(checksum))


def upload(call: Call) -> Answer:
    """POST /assets, once the body is on disk: store the file, or find it in the library."""
    body = call.content
    if not body.understood and call.release.wire is not Wire.V2:
        raise Refusal(400, problems=[NO_BODY])
    form = read_upload(body.fields, call.release)
    if body.asset is None:
        only_sidecar = "Field(s) assetData should not be empty"
        raise Refusal(400, "File is required" if body.sidecar is None else only_sidecar)
    _check_quota(call, body.asset.size)
    if form.live_video:
        hide_live_video(call, form.live_video)
    asset = call.library.find(call.owner, body.asset.checksum)
    if asset:
        _join(call, asset)
        return duplicate(asset)
    return _insert(call, body.asset, form)


def _check_quota(call: Call, size: int) -> None:
    user = call.library.users[call.owner]
    quota = user.quota if call.release.version >= ZERO_IS_A_QUOTA else user.quota or None
    full = quota is not None and quota < call.library.usage(user.id) + size
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
    asset.file = call.library.keep(received.path, asset.name)
    asset.trashed = call.fault is Kind.TRASHED_TWIN
    call.library.add_asset(asset)
    modified = form.modified_at.timestamp()
    os.utime(call.library.folder / asset.file, (modified, modified))
    if asset.trashed:
        return duplicate(asset)
    _join(call, asset)
    return Answer(201, {"id": asset.id, "status": "created"})


def _asset(call: Call, received: Received, form: UploadForm) -> Asset:
    shown = call.body.get("filename") if call.release.version >= (1, 135, 0) else None
    name = str(shown or received.name)
    sidecar = call.content.sidecar
    return Asset(
        owner=call.owner,
        name=name,
        checksum=received.checksum,
        size=received.size,
        created_at=form.created_at,
        modified_at=form.modified_at,
        video=call.release.kind(name) == "video",
        file=None,
        favorite=form.favorite,
        visibility=form.visibility,
        live_video=form.live_video,
        device_asset_id=form.device_asset_id,
        device_id=form.device_id,
        sidecar=None if sidecar is None else sidecar.decode("utf-8", "replace"),
        description="" if sidecar is None else description(sidecar),
    )


def _join(call: Call, asset: Asset) -> None:
    """Add a file uploaded through a shared link to the album (2.6.2, #27063); duplicates too."""
    if call.link is None or call.link.album is None or call.release.version < (2, 6, 2):
        return
    album = call.library.albums[call.link.album]
    if asset.id not in album.assets:
        call.library.join(album, [asset.id])


def duplicate(asset: Asset) -> Answer:
    """Answer an upload whose bytes the library already has."""
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
