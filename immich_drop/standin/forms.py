"""Validates the fields of a request as this version of Immich does.

The order and the wording of the errors are those of the recorded servers: class-validator's up to
2.7, zod's from 3.0 on. Up to 2.7, a date that cannot be parsed is refused before anything else.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from immich_drop.standin.wire import Problem, Refusal, Release, Wire

VISIBILITIES = ("archive", "timeline", "hidden", "locked")
UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE
)
ZONES = {
    Wire.PRE3: r"Z",
    Wire.V3: r"(?:Z|[+-]\d\d:\d\d)",
}
"""How a date may end: the builds just before 3.0 accepted UTC only."""
EMPTY = "{path} should not be empty"
STRING = "{path} must be a string"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadForm:
    """The text fields of POST /assets, validated."""

    created_at: datetime
    modified_at: datetime
    favorite: bool
    visibility: str
    live_video: str | None
    device_asset_id: str
    device_id: str


def read_upload(fields: Mapping[str, object], release: Release) -> UploadForm:
    """Validate the text fields of an upload; raises Refusal with status 400."""
    dates = {name: _date(name, fields, release) for name in ("fileCreatedAt", "fileModifiedAt")}
    checks = [*(_devices(fields) if release.wire is Wire.V2 else ()), *dates.values()]
    checks += [check(fields, release) for check in OPTIONAL]
    problems = [each for each in checks if isinstance(each, Problem)]
    if problems:
        raise Refusal(400, problems=problems)
    created, modified = dates.values()
    assert isinstance(created, datetime)
    assert isinstance(modified, datetime)
    return UploadForm(
        created_at=created,
        modified_at=modified,
        favorite=fields.get("isFavorite") == "true",
        visibility=str(fields.get("visibility", "timeline")),
        live_video=_text(fields, "livePhotoVideoId"),
        device_asset_id=_text(fields, "deviceAssetId") or "",
        device_id=_text(fields, "deviceId") or "",
    )


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _devices(fields: Mapping[str, object]) -> list[Problem]:
    problems = []
    for name in ("deviceAssetId", "deviceId"):
        value = fields.get(name)
        old = () if isinstance(value, str) else (STRING,)
        if not value:
            problems.append(Problem(path=(name,), old=(*old, EMPTY), new=""))
    return problems


def _date(name: str, fields: Mapping[str, object], release: Release) -> datetime | Problem:
    value = _text(fields, name)
    date = None if value is None else parse_date(value, release)
    if date:
        return date
    if value is not None and release.wire is Wire.V2:
        raise Refusal(400, f"{name} must be a date string")
    received = "undefined" if value is None else "string"
    return Problem(
        path=(name,),
        old=("{path} must be a Date instance", EMPTY),
        new=f"Invalid input: expected ISO 8601 datetime string, received {received}",
    )


def parse_date(value: str, release: Release) -> datetime | None:
    """Parse a date as the release does, or return None; without an offset it is taken as UTC."""
    if zone := ZONES.get(release.wire):
        if not re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?{zone}", value):
            return None
    elif not re.match(r"\d{4}-\d\d", value):
        return None
    try:
        date = datetime.fromisoformat(value)
    except ValueError:
        return None
    if date.year < 100:
        # Both recorded servers turn the year 1 into 2001.
        date = date.replace(year=date.year + (2000 if date.year < 70 else 1900))
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


def _favorite(fields: Mapping[str, object], _: Release) -> Problem | None:
    if fields.get("isFavorite", "true") in ("true", "false"):
        return None
    return Problem(
        path=("isFavorite",),
        old=("{path} must be a boolean value",),
        new='Invalid option: expected one of "true"|"false"',
    )


def _visibility(fields: Mapping[str, object], release: Release) -> Problem | None:
    if release.version < (1, 133, 0) or fields.get("visibility", "timeline") in VISIBILITIES:
        return None
    return Problem(
        path=("visibility",),
        old=("{path} must be one of the following values: " + ", ".join(VISIBILITIES),),
        new="Invalid option: expected one of " + "|".join(f'"{each}"' for each in VISIBILITIES),
    )


def _live_video(fields: Mapping[str, object], _: Release) -> Problem | None:
    value = fields.get("livePhotoVideoId")
    return None if value is None else check_id(value, "livePhotoVideoId")


def _duration(fields: Mapping[str, object], release: Release) -> Problem | None:
    value = str(fields.get("duration", "0"))
    if release.wire is not Wire.V3 or value.isdigit():
        return None
    return Problem(path=("duration",), old=(), new="Invalid input: expected number, received NaN")


def _metadata(fields: Mapping[str, object], release: Release) -> Problem | None:
    try:
        json.loads(str(fields.get("metadata", "[]")))
    except ValueError:
        if release.version >= (1, 141, 0):
            return Problem(
                path=("metadata",),
                old=("{path} must be valid JSON",),
                new="Invalid input: expected JSON string, received string",
            )
    return None


OPTIONAL: tuple[Callable[[Mapping[str, object], Release], Problem | None], ...] = (
    _duration,
    _favorite,
    _visibility,
    _live_video,
    _metadata,
)


def check_id(value: object, *path: str | int) -> Problem | None:
    """Return what is wrong with an id, or None."""
    if isinstance(value, str) and UUID.fullmatch(value):
        return None
    return Problem(path=path, old=("{path} must be a UUID",), new="Invalid UUID")


def mistyped(value: object, *path: str | int, expected: str, old: tuple[str, ...]) -> Problem:
    """Report a value in a JSON body that has the wrong type or is missing."""
    received = {type(None): "undefined", str: "string", int: "number", list: "array"}
    found = received.get(type(value), "object")
    return Problem(path=path, old=old, new=f"Invalid input: expected {expected}, received {found}")


def read_text(body: Mapping[str, object], name: str) -> str:
    """Read a string out of a JSON body; raises Refusal with status 400."""
    value = body.get(name)
    if isinstance(value, str):
        return value
    old = (STRING,)
    raise Refusal(400, problems=[mistyped(value, name, expected="string", old=old)])


def read_list(body: Mapping[str, object], name: str) -> list[object]:
    """Read a list out of a JSON body; raises Refusal with status 400."""
    value = body.get(name)
    if isinstance(value, list):
        return value
    old = ("{path} must be an array",)
    raise Refusal(400, problems=[mistyped(value, name, expected="array", old=old)])


def read_ids(body: Mapping[str, object], name: str = "ids") -> list[str]:
    """Read a list of ids out of a JSON body; raises Refusal with status 400."""
    ids = read_list(body, name)
    problems = [
        problem for number, each in enumerate(ids) if (problem := check_id(each, name, number))
    ]
    if problems:
        old = (f"each value in {name} must be a UUID",)
        raise Refusal(
            400,
            problems=[replace(problems[0], old=old), *(replace(p, old=()) for p in problems[1:])],
        )
    return [str(each) for each in ids]


def read_checks(body: Mapping[str, object], release: Release) -> list[tuple[str, str]]:
    """Read the (id, checksum) pairs of a bulk check; raises Refusal with status 400."""
    pairs, problems = [], []
    for number, item in enumerate(read_list(body, "assets")):
        row = item if isinstance(item, dict) else {}
        problems += [
            problem
            for name in ("id", "checksum")
            if (problem := _bulk_string(row.get(name), number, name, release))
        ]
        pairs.append((row.get("id", ""), row.get("checksum", "")))
    if problems:
        raise Refusal(400, problems=problems)
    return pairs


def _bulk_string(value: object, number: int, name: str, release: Release) -> Problem | None:
    empty = not value and release.wire is Wire.V2
    if isinstance(value, str) and not empty:
        return None
    old = (*((EMPTY,) if empty else ()), *(() if isinstance(value, str) else (STRING,)))
    return mistyped(value, "assets", number, name, expected="string", old=old)
