"""What differs on the wire between Immich's versions: error bodies, scopes, file types.

There are three forms: V2 (1.106 to 2.7), PRE3 (builds between 2.7 and 3.0, which report 2.7.5) and
V3. V2 and PRE3 were recorded from real servers; V3 follows its SDK and captures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from http import HTTPStatus
from pathlib import PurePath
from secrets import choice
from string import ascii_lowercase, digits

Version = tuple[int, int, int]


class Wire(IntEnum):
    """The three wire forms, in the order of their appearance."""

    V2 = 2
    PRE3 = 3
    V3 = 4


IMAGES = [
    ".avif",
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".png",
    ".webp",
    ".3fr",
    ".ari",
    ".arw",
    ".cap",
    ".cin",
    ".cr2",
    ".cr3",
    ".crw",
    ".dcr",
    ".dng",
    ".erf",
    ".fff",
    ".iiq",
    ".k25",
    ".kdc",
    ".mrw",
    ".nef",
    ".nrw",
    ".orf",
    ".ori",
    ".pef",
    ".psd",
    ".raf",
    ".raw",
    ".rw2",
    ".rwl",
    ".sr2",
    ".srf",
    ".srw",
    ".x3f",
    ".heic",
    ".heif",
    ".hif",
    ".insp",
    ".jp2",
    ".jpe",
    ".jxl",
    ".mpo",
    ".svg",
    ".tif",
    ".tiff",
]
VIDEOS = [
    ".3gp",
    ".3gpp",
    ".avi",
    ".flv",
    ".insv",
    ".m2t",
    ".m2ts",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpe",
    ".mpeg",
    ".mpg",
    ".mts",
    ".mxf",
    ".ts",
    ".vob",
    ".webm",
    ".wmv",
]
ADDED: dict[str, Version] = {
    ".nrw": (1, 113, 0),
    ".vob": (1, 122, 3),
    ".m2t": (1, 124, 0),
    ".jp2": (1, 125, 7),
    ".mxf": (2, 6, 0),
    ".ts": (2, 7, 0),
}
"""Types added after 1.106; .mpo was added in PRE3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one field of a request, in the words of both validators."""

    path: tuple[str | int, ...]
    old: tuple[str, ...]
    """class-validator's messages (V2)."""
    new: str
    """zod's message (PRE3, V3)."""

    @property
    def dotted(self) -> str:
        """The path as `assets.0.checksum`."""
        return ".".join(str(step) for step in self.path)


class Refusal(Exception):
    """A request that Immich answers with an error."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        problems: Sequence[Problem] = (),
        bare: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.problems = problems
        self.bare = bare
        """Raised before Immich's own code runs, so it has no correlation id."""


@dataclass(frozen=True, slots=True)
class Release:
    """One version of Immich."""

    version: Version
    wire: Wire = field(default=Wire.V2)

    @classmethod
    def of(cls, version: Version, wire: Wire | None = None) -> "Release":
        """Return the release; the wire form follows from the version unless it is given."""
        return cls(version, wire or (Wire.V3 if version >= (3, 0, 0) else Wire.V2))

    def scope(self, scope: str) -> str | None:
        """Return the permission needed for a call declared with `scope`; None: any valid key.

        `asset.check` is our name for the scope of the bulk check, which at first declared none.
        """
        if self.version < (1, 136, 0) or not scope:
            return None
        if self.version < (1, 137, 0) or (scope == "asset.check" and self.version < (1, 141, 0)):
            return "all"
        return "asset.upload" if scope == "asset.check" else scope

    def media_types(self) -> dict[str, list[str]]:
        """List the file name extensions by kind, as GET /server/media-types does."""
        return {
            "video": [suffix for suffix in VIDEOS if self._knows(suffix)],
            "image": [suffix for suffix in IMAGES if self._knows(suffix)],
            "sidecar": [".xmp"],
        }

    def kind(self, name: str) -> str | None:
        """Return a file's kind (`image`, `video`, `sidecar`) by its name; None: unsupported."""
        return _kinds(self).get(PurePath(name).suffix.lower())

    def _knows(self, suffix: str) -> bool:
        if suffix == ".mpo":
            return self.wire >= Wire.PRE3
        return self.version >= ADDED.get(suffix, (0, 0, 0))

    def error(self, refusal: Refusal, correlation: str) -> dict[str, object]:
        """Build the body of an error answer."""
        if self.wire is Wire.V3:
            return self._error_v3(refusal)
        body: dict[str, object] = {"message": self._message(refusal), "statusCode": refusal.status}
        if not (refusal.bare and refusal.status >= 500):
            body["error"] = HTTPStatus(refusal.status).phrase
        if not refusal.bare:
            body["correlationId"] = correlation
        return body

    def _message(self, refusal: Refusal) -> str | list[str]:
        if not refusal.problems:
            return refusal.message
        if self.wire is Wire.PRE3:
            return [
                f"[{problem.dotted}] {problem.new}" if problem.path else problem.new
                for problem in refusal.problems
            ]
        return [
            sentence.format(path=problem.dotted)
            for problem in refusal.problems
            for sentence in problem.old
        ]

    @staticmethod
    def _error_v3(refusal: Refusal) -> dict[str, object]:
        if not refusal.problems:
            return {"message": refusal.message}
        errors = [{"path": [*each.path], "message": each.new} for each in refusal.problems]
        return {"message": "Validation failed", "errors": errors}

    def correlation_header(self) -> str:
        """The name of the header that carries the correlation id."""
        return "X-Correlation-ID" if self.wire is Wire.V3 else "x-immich-cid"


@cache
def _kinds(release: Release) -> dict[str, str]:
    types = release.media_types().items()
    return {suffix: kind for kind, suffixes in types for suffix in suffixes}


def correlation_id() -> str:
    """Make an id like Immich's: eight letters and digits."""
    return "".join(choice(ascii_lowercase + digits) for _ in range(8))
