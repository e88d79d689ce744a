"""The stand-in answers as the recorded servers did: every recorded request, in order.

Ids, checksums and keys of the recording stand for those of this run: where the recording says an id
for the first time ours is learned, and from then on it must be the same one.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.ioloop import IOLoop

from immich_drop.standin import StandIn, User, Wire

RECORDINGS = Path(__file__).parents[1] / "recordings"
KEYS = {
    "key-all": ["all"],
    "key-upload-only": ["asset.upload"],
    "key-albums-no-upload": ["album.read", "album.create", "albumAsset.create"],
}
NAMES = re.compile(
    r"(?<![0-9a-fA-F])[0-9a-fA-F]{40}(?![0-9a-fA-F])|[A-Za-z0-9+/]{27}="
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|<[^>]+>"
)
"""What stands for something: checksums in hex and base64, ids, redacted keys."""

VARYING = {
    *("createdAt", "updatedAt", "profileChangedAt", "lastModifiedAssetTimestamp"),
    *("startDate", "endDate", "localDateTime", "correlationId", "duration", "thumbhash"),
    *("email", "name", "isInitialized", "shouldChangePassword", "storageLabel", "ffmpeg"),
    *("originalPath", "width", "height", "configFile"),
}
"""Clocks, names of this server, and what jobs compute: only present and of a like type."""
EXIF = {"fileSizeInByte", "description"}
"""Of `exifInfo` only this is known without reading the photo."""
INSTANTS = {"fileCreatedAt", "fileModifiedAt"}
"""Written with `Z` or with `+00:00`, depending on the call."""


def content(sha1: str, size: int) -> bytes:
    """Make up the file of which only SHA-1 and size were kept."""
    return hashlib.shake_128(sha1.encode()).digest(size)


class Replay:
    """Sends recorded requests and tells where the answers differ."""

    def __init__(self, standin: StandIn, exchanges: list[dict[str, Any]]) -> None:
        self.standin = standin
        self.client = AsyncHTTPClient(force_instance=True)
        self.ours = {f"<redacted:{name}>": f"<redacted:{name}>" for name in [*KEYS, "key-quota"]}
        for exchange in exchanges:
            self._learn_checksums(exchange["request"]["fields"])

    def _learn_checksums(self, fields: object) -> None:
        for part in fields if isinstance(fields, list) else []:
            if sha1 := part.get("sha1"):
                ours = hashlib.sha1(content(sha1, part["bytes"]))
                self.ours[sha1] = ours.hexdigest()
                self.ours[sha1.upper()] = ours.hexdigest().upper()
                recorded = base64.b64encode(bytes.fromhex(sha1)).decode()
                self.ours[recorded] = base64.b64encode(ours.digest()).decode()

    def translate(self, text: str) -> str:
        """Put our ids, checksums and keys where the recording has its own."""
        return NAMES.sub(lambda match: self.ours.get(match[0], match[0]), text)

    async def send(self, request: dict[str, Any]) -> tuple[int, Any]:
        """Send a recorded request."""
        headers = {name: self.translate(value) for name, value in request["headers"].items()}
        root = self.standin.url.removesuffix("/api")
        path = re.sub(r"[<>]", lambda bad: f"%{ord(bad[0]):X}", self.translate(request["path"]))
        response = await self.client.fetch(
            HTTPRequest(
                root + path,
                method=request["method"],
                headers={name: value for name, value in headers.items() if value.strip()},
                body=self.body(request),
                allow_nonstandard_methods=True,
                follow_redirects=False,
            ),
            raise_error=False,
        )
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        return response.code, json.loads(response.body) if is_json and response.body else None

    def body(self, request: dict[str, Any]) -> bytes | None:
        """Rebuild the body of a recorded request."""
        fields = request["fields"]
        match fields:
            case None:
                return b"" if request["method"] in ("POST", "PUT") else None
            case list():
                boundary = request["headers"]["Content-Type"].partition("boundary=")[2]
                parts = [self.part(part) for part in fields]
                return b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts) + (
                    f"--{boundary}--\r\n".encode()
                )
            case {"raw_bytes": size, "preview": start}:
                return str(start).encode()[:size].ljust(size, b"x")
        return self.translate(json.dumps(fields)).encode()

    def part(self, part: dict[str, Any]) -> bytes:
        """Rebuild one part of a form."""
        if "file" not in part:
            ((name, value),) = part.items()
            disposition = f'Content-Disposition: form-data; name="{name}"\r\n\r\n'
            return (disposition + self.translate(value)).encode()
        head = f"Content-Disposition: {part['content-disposition']}\r\n"
        if part["content-type"] != "(none)":
            head += f"Content-Type: {part['content-type']}\r\n"
        return head.encode() + b"\r\n" + content(part["sha1"], part["bytes"])

    def differences(self, recorded: Any, ours: Any, path: str = "") -> Iterator[str]:
        """Tell where our answer is another one than the recorded."""
        match recorded, ours:
            case dict(), dict():
                self.forget_what_was_read(recorded, ours)
                if odd := recorded.keys() ^ ours.keys():
                    yield f"{path}: keys {sorted(odd)}"
                for key in recorded.keys() & ours.keys():
                    yield from self.differences(recorded[key], ours[key], f"{path}.{key}")
            case list(), list():
                if len(recorded) != len(ours):
                    yield f"{path}: {len(recorded)} or {len(ours)} items"
                for number, pair in enumerate(zip(recorded, ours, strict=False)):
                    yield from self.differences(*pair, f"{path}.{number}")
            case _:
                yield from self.different_values(recorded, ours, path)

    @staticmethod
    def forget_what_was_read(recorded: dict[str, Any], ours: dict[str, Any]) -> None:
        """Leave out what the recorded server read in the photo: its own date and description."""
        if (recorded.get("exifInfo") or {}).get("dateTimeOriginal"):
            for asset in (recorded, ours):
                asset.pop("fileCreatedAt", None)
                asset["exifInfo"].pop("description", None)

    def different_values(self, recorded: object, ours: object, path: str) -> Iterator[str]:
        """Compare two values which are no dict or list."""
        above, _, key = path.rpartition(".")
        if key in VARYING or (above.endswith("exifInfo") and key not in EXIF):
            if None not in (recorded, ours) and type(recorded) is not type(ours):
                yield f"{path}: {recorded!r} or {ours!r}"
            return
        if isinstance(recorded, str) and NAMES.fullmatch(recorded):
            recorded = self.ours.setdefault(recorded, str(ours))
        if isinstance(recorded, str):
            recorded = self.translate(recorded)
        if key in INSTANTS:
            recorded, ours = (datetime.fromisoformat(str(each)) for each in (recorded, ours))
        if recorded != ours:
            yield f"{path}: {recorded!r} or {ours!r}"


@pytest.mark.parametrize(
    ("recording", "wire"), [("immich-2.7.5", Wire.V2), ("immich-pre-3.0", Wire.PRE3)]
)
def test_every_recorded_request_is_answered_as_recorded(
    recording: str, wire: Wire, tmp_path: Path, io_loop: IOLoop
) -> None:
    lines = (RECORDINGS / f"{recording}.jsonl").read_text("utf-8").splitlines()
    exchanges = [json.loads(line) for line in lines]
    standin = StandIn(tmp_path, version=(2, 7, 5), wire=wire, job_delay=None)
    for name, permissions in KEYS.items():
        standin.library.add_key(f"<redacted:{name}>", standin.user, permissions, name[4:])
    standin.library.add_key("<redacted:key-quota>", User(name="Q", quota=3000), ["all"])
    differing = io_loop.run_sync(lambda: replayed(standin, exchanges), timeout=60)
    assert not differing, "\n".join(differing)


async def replayed(standin: StandIn, exchanges: list[dict[str, Any]]) -> list[str]:
    """Replay a recording; returns the differences."""
    await standin.start()
    replay = Replay(standin, exchanges)
    differing = []
    for exchange in exchanges:
        if exchange.get("jobs"):
            standin.run_jobs()
        recorded = exchange["response"]
        status, body = await replay.send(exchange["request"])
        found = [] if status == recorded["status"] else [f"{recorded['status']} or {status}"]
        if recorded["body"] != "(binary)":
            found += replay.differences(recorded["body"], body)
        if status == 201 and "id" in body:
            replay.ours.setdefault("<A>", body["id"])
        differing += [f"{exchange['name']}: {each}" for each in found]
    replay.client.close()
    await standin.stop()
    return differing
