"""Each version in its own words: dates, scopes, types, errors, albums."""

import json

import pytest
from standin_client import FIELDS, FORM, Client, form

from immich_drop.standin import StandIn, Wire
from immich_drop.standin.forms import parse_date
from immich_drop.standin.wire import Release, Version

NO_DATE = "Invalid input: expected ISO 8601 datetime string, received string"
DUMMY = {"assets": [{"id": "1", "checksum": "0" * 40}]}


@pytest.mark.parametrize(
    ("date", "wires"),
    [
        ("2026-07-04T20:15:30.000Z", "V2 PRE3 V3"),
        ("2026-07-04T20:15:30Z", "V2 PRE3 V3"),
        ("2026-07-04T22:15:30+02:00", "V2 V3"),
        ("2026-07-04T22:15:30+0200", "V2"),
        ("2026-07-04T20:15:30", "V2"),
        ("2026-07-04 20:15:30", "V2"),
        ("2026-07-04T20:15Z", "V2"),
        ("2026-07-04", "V2"),
        ("2026-02-30T20:15:30Z", ""),
        ("1783196130000", ""),
        ("2026:07:04 20:15:30", ""),
        ("", ""),
    ],
)
def test_a_date_is_read_by(date: str, wires: str) -> None:
    taken = [wire.name for wire in Wire if parse_date(date, Release((2, 7, 5), wire))]
    assert taken == wires.split()


@pytest.mark.parametrize(
    ("version", "upload", "check"),
    [
        ((1, 106, 0), None, None),
        ((1, 135, 3), None, None),
        ((1, 136, 0), "all", "all"),
        ((1, 137, 0), "asset.upload", "all"),
        ((1, 140, 1), "asset.upload", "all"),
        ((1, 141, 0), "asset.upload", "asset.upload"),
        ((3, 2, 2), "asset.upload", "asset.upload"),
    ],
)
@pytest.mark.gen_test
async def test_a_key_needs(
    standin: StandIn, client: Client, version: Version, upload: str | None, check: str | None
) -> None:
    standin.release = Release.of(version)
    standin.library.add_key("none", standin.user, [])
    standin.library.add_key("uploader", standin.user, ["asset.upload"])
    form_type = {"Content-Type": FORM}
    for path, body, headers, scope in (
        ("/assets", form(b"x"), form_type, upload),
        ("/assets/bulk-upload-check", DUMMY, {}, check),
    ):
        answer = await client.call("POST", path, body, key="none", **headers)
        missing = json.loads(answer.body).get("message")
        assert missing == (f"Missing required permission: {scope}" if scope else None)
        answer = await client.call("POST", path, body, key="uploader", **headers)
        assert (answer.code == 403) == (scope == "all")


@pytest.mark.parametrize(
    ("name", "since"),
    [
        ("a.nrw", (1, 113, 0)),
        ("a.vob", (1, 122, 3)),
        ("a.m2t", (1, 124, 0)),
        ("a.jp2", (1, 125, 7)),
        ("a.mxf", (2, 6, 0)),
        ("a.ts", (2, 7, 0)),
        ("a.mpo", (3, 0, 0)),
        ("a.HEIC", (1, 106, 0)),
    ],
)
def test_a_type_is_supported_since(name: str, since: Version) -> None:
    versions = [(1, 106, 0), (1, 113, 0), (1, 122, 3), (1, 124, 0), (1, 125, 7)]
    versions += [(2, 5, 9), (2, 6, 0), (2, 7, 0), (2, 7, 5), (3, 0, 0), (3, 2, 2)]
    taken = [version for version in versions if Release.of(version).kind(name)]
    assert taken == [version for version in versions if version >= since]


@pytest.mark.parametrize(
    ("release", "body"),
    [
        (Release((2, 7, 5), Wire.V2), {"message": "fileCreatedAt must be a date string"}),
        (Release((2, 7, 5), Wire.PRE3), {"message": [f"[fileCreatedAt] {NO_DATE}"]}),
        (
            Release((3, 2, 2), Wire.V3),
            {
                "message": "Validation failed",
                "errors": [{"path": ["fileCreatedAt"], "message": NO_DATE}],
            },
        ),
    ],
)
@pytest.mark.gen_test
async def test_an_error_has_the_shape_of_its_version(
    standin: StandIn, client: Client, release: Release, body: dict[str, object]
) -> None:
    standin.release = release
    data = form(b"x", "a.jpg", {**FIELDS, "fileCreatedAt": "yesterday"})
    answer = await client.call("POST", "/assets", data, **{"Content-Type": FORM})
    said = json.loads(answer.body)
    if release.wire is Wire.V3:
        assert len(answer.headers["X-Correlation-ID"]) == 8
        assert said == body
    else:
        assert answer.headers["x-immich-cid"] == said.pop("correlationId")
        assert said == {**body, "error": "Bad Request", "statusCode": 400}


@pytest.mark.gen_test
async def test_version_3_needs_no_device_and_takes_no_clock_for_a_duration(
    standin: StandIn, client: Client
) -> None:
    standin.release = Release.of((3, 2, 2))
    dates = {name: FIELDS[name] for name in ("fileCreatedAt", "fileModifiedAt")}
    for duration, status in ((None, 201), ("0:00:02.0", 400), ("2000", 200)):
        fields = dates if duration is None else {**dates, "duration": duration}
        body = form(b"x", "a.jpg", fields)
        answer = await client.call("POST", "/assets", body, **{"Content-Type": FORM})
        assert answer.code == status
    version = await client.json("GET", "/server/version")
    assert version == {"major": 3, "minor": 2, "patch": 2, "prerelease": None}


@pytest.mark.gen_test
async def test_the_owner_of_an_album_moved(standin: StandIn, client: Client) -> None:
    old = await client.json("POST", "/albums", {"albumName": "A"})
    standin.release = Release.of((3, 2, 2))
    (new,) = await client.json("GET", "/albums")
    assert old.keys() - new.keys() == {"owner", "ownerId", "assets"}
    assert [(each["user"]["id"], each["role"]) for each in new["albumUsers"]] == [
        (old["ownerId"], "owner")
    ]


@pytest.mark.parametrize(
    ("version", "path", "there"),
    [
        ((1, 106, 0), "/server-info/media-types", True),
        ((1, 106, 0), "/server/media-types", False),
        ((1, 117, 0), "/server-info/media-types", True),
        ((1, 118, 0), "/server-info/media-types", False),
        ((1, 138, 0), "/api-keys/me", False),
        ((1, 139, 0), "/api-keys/me", True),
    ],
)
@pytest.mark.gen_test
async def test_a_route_is_there_in(
    standin: StandIn, client: Client, version: Version, path: str, there: bool
) -> None:
    standin.release = Release.of(version)
    assert (await client.call("GET", path)).code == (200 if there else 404)


@pytest.mark.parametrize(
    ("version", "alive"),
    [
        ((2, 3, 0), ["/server/config"]),
        ((2, 5, 0), ["/server/config", "/server/version"]),
        ((2, 6, 0), ["/server/config", "/server/version", "/server/ping"]),
    ],
)
@pytest.mark.gen_test
async def test_maintenance_leaves_little(
    standin: StandIn, client: Client, version: Version, alive: list[str]
) -> None:
    standin.release = Release.of(version)
    standin.maintenance = True
    assert await client.json("GET", "/server/config") == {"maintenanceMode": True}
    for path in ("/server/config", "/server/version", "/server/ping", "/server/media-types"):
        assert (await client.call("GET", path)).code == (200 if path in alive else 404)
    answer = await client.upload(b"x")
    assert (answer.code, json.loads(answer.body)["message"]) == (404, "Cannot POST /api/assets")
