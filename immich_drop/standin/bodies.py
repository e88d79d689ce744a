"""Reads a request's body: JSON into memory, an upload's file straight to disk."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from immich_drop.standin.multipart import (
    Event,
    Field,
    FileData,
    FileEnd,
    FileStart,
    FormParser,
    MalformedForm,
)
from immich_drop.standin.wire import Refusal, Release

MAX_JSON = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A file part that is on disk."""

    path: Path
    name: str
    size: int
    checksum: bytes


@dataclass(slots=True)
class Body:
    """The contents of a body: the fields of JSON or of a form, and the files of a form."""

    fields: dict[str, object] = field(default_factory=dict)
    asset: Received | None = None
    sidecar: bytes | None = None
    understood: bool = True
    """False where the content type is neither JSON nor a form."""


class PlainReader:
    """A body that is not a form: JSON is parsed, anything else is ignored.

    In Immich, body-parser reads it before Immich's own code runs, so the errors raised here have no
    correlation id.
    """

    def __init__(self, content_type: str) -> None:
        self._json = content_type.startswith("application/json")
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next piece; raises Refusal when it is more than 10 MB."""
        self._data += data
        if len(self._data) > MAX_JSON:
            raise Refusal(500, "Internal server error", bare=True)

    def close(self) -> Body:
        """Parse the JSON; raises Refusal when it is not JSON."""
        if not self._json or not self._data:
            return Body(understood=self._json)
        try:
            value = json.loads(self._data)
        except ValueError:
            raise Refusal(400, "Unexpected end of JSON input", bare=True) from None
        return Body(fields=value if isinstance(value, dict) else {})

    def discard(self) -> None:
        """Forget what was read."""
        self._data.clear()


class FormReader:
    """The form of POST /assets: its file is streamed to disk, as multer does it."""

    def __init__(
        self, release: Release, incoming: Path, content_type: str, *, allowed: bool
    ) -> None:
        """Unless `allowed`, refuse at the first file: Immich does not check earlier."""
        self.body = Body()
        self._allowed = allowed
        self._release = release
        self._incoming = incoming
        self._seen: set[str] = set()
        self._file: BinaryIO | None = None
        self._start: FileStart | None = None
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        try:
            self._form = FormParser(content_type)
        except MalformedForm as error:
            raise Refusal(400, str(error)) from None

    def feed(self, data: bytes) -> None:
        """Take the next piece; raises Refusal with multer's message."""
        try:
            for event in self._form.feed(data):
                self._take(event)
        except MalformedForm as error:
            raise Refusal(400, str(error)) from None

    def close(self) -> Body:
        """End the body; raises Refusal if it was incomplete."""
        try:
            self._form.close()
        except MalformedForm as error:
            raise Refusal(400, str(error)) from None
        return self.body

    def discard(self) -> None:
        """Delete the file on disk, unless the library has taken it over."""
        if self._file:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)
        if self.body.asset:
            self.body.asset.path.unlink(missing_ok=True)

    def _take(self, event: Event) -> None:
        match event:
            case Field(name=name, value=value):
                self.body.fields[name] = value
            case FileStart(name=""):
                self._start = None
            case FileStart():
                self._open(event)
            case FileData(data) if self._start:
                self._write(data)
            case FileEnd() if self._start:
                self._complete(self._start)

    def _open(self, start: FileStart) -> None:
        if not self._allowed:
            raise Refusal(401, "Unauthorized")
        if start.field not in ("assetData", "sidecarData") or start.field in self._seen:
            raise Refusal(400, f"Unexpected field - {start.field}")
        self._seen.add(start.field)
        shown = self.body.fields.get("filename") if self._release.version >= (2, 3, 0) else None
        name = str(shown or start.name)
        kinds = ("sidecar",) if start.field == "sidecarData" else ("image", "video")
        if self._release.kind(name) not in kinds:
            raise Refusal(400, f"Unsupported file type {name}")
        self._start = start
        if start.field == "assetData":
            self._file = (self._incoming / str(uuid4())).open("wb")
        else:
            self.body.sidecar = b""

    def _write(self, data: bytes) -> None:
        if self._file:
            self._file.write(data)
            self._sha1.update(data)
        elif self.body.sidecar is not None:
            self.body.sidecar += data

    def _complete(self, start: FileStart) -> None:
        if self._file is None:
            return
        self._file.close()
        path = Path(self._file.name)
        self._file = None
        self.body.asset = Received(
            path=path, name=start.name, size=path.stat().st_size, checksum=self._sha1.digest()
        )


BodyReader = PlainReader | FormReader
