"""Endpoints about the server, the key and the user."""

import shutil

from immich_drop.standin.calls import Answer, Call
from immich_drop.standin.rows import User, stamp
from immich_drop.standin.wire import Refusal, Wire


def ping(_: Call) -> Answer:
    """GET /server/ping."""
    return Answer(200, {"res": "pong"})


def version(call: Call) -> Answer:
    """GET /server/version; the builds just before 3.0 still report 2.7.5."""
    major, minor, patch = call.release.version
    prerelease = {"prerelease": None} if call.release.wire is Wire.V3 else {}
    return Answer(200, {"major": major, "minor": minor, "patch": patch, **prerelease})


def features(_: Call) -> Answer:
    """GET /server/features."""
    off = [
        "smartSearch",
        "facialRecognition",
        "duplicateDetection",
        "map",
        "reverseGeocoding",
        "importFaces",
        "oauth",
        "oauthAutoLaunch",
        "ocr",
        "configFile",
        "email",
    ]
    on = ("sidecar", "search", "trash", "passwordLogin")
    return Answer(200, dict.fromkeys(off, False) | dict.fromkeys(on, True))


def config(call: Call) -> Answer:
    """GET /server/config; in maintenance mode it has only `maintenanceMode`."""
    if call.maintenance:
        return Answer(200, {"maintenanceMode": True})
    body: dict[str, object] = {
        "loginPageMessage": "",
        "trashDays": 30,
        "userDeleteDelay": 7,
        "oauthButtonText": "Login with OAuth",
        "isInitialized": True,
        "isOnboarded": True,
        "externalDomain": "",
        "publicUsers": True,
        "mapDarkStyleUrl": "https://tiles.immich.cloud/v1/style/dark.json",
        "mapLightStyleUrl": "https://tiles.immich.cloud/v1/style/light.json",
    }
    if call.release.version >= (2, 3, 0):
        body["maintenanceMode"] = False
    return Answer(200, body)


def media_types(call: Call) -> Answer:
    """GET /server/media-types."""
    return Answer(200, call.release.media_types())


def about(call: Call) -> Answer:
    """GET /server/about."""
    name = "v" + ".".join(map(str, call.release.version))
    return Answer(
        200,
        {
            "version": name,
            "versionUrl": f"https://github.com/immich-app/immich/releases/tag/{name}",
            "licensed": False,
            "nodejs": "v24.21.0",
            "exiftool": "13.53",
            "ffmpeg": "5.1.9",
            "libvips": "8.17.3",
            "imagemagick": "",
        },
    )


def storage(call: Call) -> Answer:
    """GET /server/storage: the disk the folder is on."""
    disk = shutil.disk_usage(call.library.folder)
    sizes = {"diskSize": disk.total, "diskUse": disk.used, "diskAvailable": disk.free}
    return Answer(
        200,
        {name: f"{size / 2**30:.1f} GiB" for name, size in sizes.items()}
        | {f"{name}Raw": size for name, size in sizes.items()}
        | {"diskUsagePercentage": round(100 * disk.used / disk.total, 2)},
    )


def well_known(_: Call) -> Answer:
    """GET /.well-known/immich."""
    return Answer(200, {"api": {"endpoint": "/api"}})


def my_key(call: Call) -> Answer:
    """GET /api-keys/me."""
    key = call.key
    if key is None:
        raise Refusal(403, "Forbidden")
    date = stamp(key.created_at)
    return Answer(
        200,
        {
            "id": key.id,
            "name": key.name,
            "createdAt": date,
            "updatedAt": date,
            "permissions": sorted(key.permissions),
        },
    )


def me(call: Call) -> Answer:
    """GET /users/me."""
    user = call.library.users[call.owner]
    date = stamp(user.created_at)
    return Answer(
        200,
        user_json(user)
        | {
            "profileChangedAt": date,
            "storageLabel": "admin" if user.admin else None,
            "shouldChangePassword": False,
            "isAdmin": user.admin,
            "createdAt": date,
            "deletedAt": None,
            "updatedAt": date,
            "oauthId": "",
            "quotaSizeInBytes": user.quota,
            "quotaUsageInBytes": call.library.usage(user.id),
            "status": "active",
            "license": None,
        },
    )


def user_json(user: User) -> dict[str, object]:
    """Describe a user to other users."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "profileImagePath": "",
        "avatarColor": "gray",
        "profileChangedAt": user.created_at.isoformat(),
    }
