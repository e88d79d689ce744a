"""The server half of tus 1.0.0 without any I/O: headers in, a plan out; a state in, headers out.

A tus body is a stream, so there is a plan before the body and words after it. "MUST" and section
names refer to the text of the protocol, https://tus.io/protocols/resumable-upload.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from immich_drop.errors import (
    BadMetadata,
    BadRequest,
    EmptyFile,
    HeadersTooLarge,
    TooLarge,
    UnsupportedChecksum,
    UnsupportedVersion,
    WrongContentType,
)
from immich_drop.names import clean_guest, clean_name
from immich_drop.upload import Checksum, Upload

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum"
CHECKSUMS = ("sha1", "sha256")
CONTENT_TYPE = "application/offset+octet-stream"
METADATA_BYTES = 8192
"""Room for a name of 1,000 characters and all our keys, base64 and all."""

_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_KEY = re.compile(r"[!-+\--~]+", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_ITEM = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

_KEYS = ("filename", "lastModified", "session", "item", "sha1", "guest")
"""The metadata we read; all of them are text. Of others a client may have any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What the client says of the file; `filename` is the only key a generic client must send."""

    raw: str = ""
    name: str
    last_modified: datetime | None = None
    session: str | None = None
    item: str | None = None
    sha1: bytes | None = field(default=None, repr=False)
    guest: str | None = None
    """Who brings it, as they call themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """What a POST asks for."""

    length: int | None
    """Bytes; None: told by a later PATCH (creation-defer-length)."""
    metadata: Metadata
    with_upload: bool
    """The body holds the first bytes (creation-with-upload)."""
    checksum: Checksum | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What a PATCH asks for."""

    offset: int
    length: int | None
    """Upload-Length of a deferred upload, declared with this chunk."""
    checksum: Checksum | None


def is_session(text: str) -> bool:
    """Tell whether a text can name a session: unguessable ones are at least 16 characters long."""
    return _TOKEN.fullmatch(text) is not None


def check_version(headers: Mapping[str, str]) -> None:
    """Refuse another version of tus than ours; OPTIONS is not to be asked.

    Raises UnsupportedVersion.
    """
    if headers.get("Tus-Resumable") != VERSION:
        raise UnsupportedVersion(headers.get("Tus-Resumable", "none"))


def read_creation(
    headers: Mapping[str, str], *, max_size: int, size: int | None = None
) -> Creation:
    """Plan a POST with a body of `size` bytes (None: not announced).

    Raises BadRequest, BadMetadata, EmptyFile, TooLarge, HeadersTooLarge, UnsupportedChecksum,
    WrongContentType.
    """
    with_upload = _has_bytes(headers)
    # Of no content the type says nothing: some clients name one with every POST (aiohttp).
    if size != 0 and "Content-Type" in headers and not with_upload:
        raise WrongContentType(headers["Content-Type"])
    if "Upload-Concat" in headers:
        # Not offered; the parts of a file would go to Immich as files of their own.
        raise BadRequest("Upload-Concat")
    if "Upload-Length" in headers:
        if "Upload-Defer-Length" in headers:
            raise BadRequest("both Upload-Length and Upload-Defer-Length")
        length = _read_length(headers, max_size)
    elif headers.get("Upload-Defer-Length") == "1":
        length = None
    else:
        raise BadRequest("neither Upload-Length nor Upload-Defer-Length: 1")
    return Creation(
        length=length,
        metadata=_read_metadata(headers.get("Upload-Metadata", "")),
        with_upload=with_upload,
        checksum=_read_checksum(headers) if with_upload else None,
    )


def read_chunk(headers: Mapping[str, str], *, max_size: int) -> Chunk:
    """Plan a PATCH.

    Raises BadRequest, EmptyFile, TooLarge, UnsupportedChecksum, WrongContentType.
    """
    if not _has_bytes(headers):
        raise WrongContentType(headers.get("Content-Type", "none"))
    return Chunk(
        offset=_read_number(headers, "Upload-Offset"),
        length=_read_length(headers, max_size) if "Upload-Length" in headers else None,
        checksum=_read_checksum(headers),
    )


def options_headers(*, max_size: int) -> dict[str, str]:
    """Answer OPTIONS."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(max_size),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }


def offset_headers(*, offset: int, expires: datetime | None) -> dict[str, str]:
    """Answer POST and PATCH: how far the upload is, and until when it may go on."""
    headers = {"Upload-Offset": str(offset)}
    if expires is not None:
        headers["Upload-Expires"] = format_datetime(expires.astimezone(UTC), usegmt=True)
    return headers


def state_headers(upload: Upload, *, offset: int, expires: datetime | None) -> dict[str, str]:
    """Answer HEAD."""
    headers = offset_headers(offset=offset, expires=expires)
    headers["Cache-Control"] = "no-store"
    if upload.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(upload.length)
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    return headers


def _has_bytes(headers: Mapping[str, str]) -> bool:
    """Tell whether the body is bytes of the file.

    Raises WrongContentType: they are coded. An offset counts the file's own bytes, and to decode
    what a guest sends is to inflate bombs.
    """
    coding = headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise WrongContentType(f"coded as {coding[:40]}")
    # A parameter nobody knows is to be ignored (RFC 2045, section 5), and ours has none.
    kind, _, _ = headers.get("Content-Type", "").partition(";")
    return kind.strip().lower() == CONTENT_TYPE


def _read_number(headers: Mapping[str, str], name: str) -> int:
    """Read a header of digits only: int() would also take `1_0`, `+5` and `٥`."""
    text = headers.get(name, "")
    if not _DIGITS.fullmatch(text) or len(text) > 40:
        raise BadRequest(f"{name}: {text[:40]!r}")
    return int(text)


def _read_length(headers: Mapping[str, str], max_size: int) -> int:
    length = _read_number(headers, "Upload-Length")
    if length > max_size:
        raise TooLarge(f"{length} of at most {max_size} bytes")
    if length == 0:
        raise EmptyFile
    return length


def _read_checksum(headers: Mapping[str, str]) -> Checksum | None:
    if "Upload-Checksum" not in headers:
        return None
    algorithm, _, encoded = headers["Upload-Checksum"].partition(" ")
    if algorithm not in CHECKSUMS:
        raise UnsupportedChecksum(algorithm[:40])
    digest = _decode(encoded)
    if digest is None or len(digest) != hashlib.new(algorithm).digest_size:
        raise UnsupportedChecksum(f"{algorithm} with a malformed digest")
    return Checksum(algorithm, digest)


def _read_metadata(raw: str) -> Metadata:
    if len(raw) > METADATA_BYTES:
        raise HeadersTooLarge(f"Upload-Metadata of {len(raw)} characters")
    pairs = _decode_pairs(raw)
    values = {key: _decode_text(key, pairs[key]) for key in _KEYS if key in pairs}
    name = clean_name(values.get("filename", ""))
    if not name:
        raise BadMetadata("no usable filename")
    return Metadata(
        raw=raw,
        name=name,
        last_modified=_read_moment(values.get("lastModified")),
        session=_read_pattern(values, "session", _TOKEN),
        item=_read_pattern(values, "item", _ITEM),
        sha1=_read_sha1(values.get("sha1")),
        guest=clean_guest(values.get("guest", "")),
    )


def _decode_pairs(raw: str) -> dict[str, bytes]:
    values: dict[str, bytes] = {}
    for pair in raw.split(",") if raw else ():
        key, _, encoded = pair.strip(" ").partition(" ")
        if not _KEY.fullmatch(key) or key in values:
            raise BadMetadata(f"key {key[:40]!r}")
        value = _decode(encoded)
        if value is None:
            raise BadMetadata(f"value of {key[:40]!r}")
        values[key] = value
    return values


def _decode_text(key: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadMetadata(f"value of {key} is not UTF-8") from None


def _decode(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        return None


def _read_pattern(values: Mapping[str, str], key: str, pattern: re.Pattern[str]) -> str | None:
    value = values.get(key)
    if value is not None and not pattern.fullmatch(value):
        raise BadMetadata(f"{key} does not match {pattern.pattern}")
    return value


def _read_moment(text: str | None) -> datetime | None:
    """Read milliseconds since 1970; a date that makes no sense is no date, not an error."""
    if text is None or not re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
        return None
    try:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _read_sha1(text: str | None) -> bytes | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9a-fA-F]{40}", text, re.ASCII):
        raise BadMetadata("sha1 is not 40 hexadecimal digits")
    return bytes.fromhex(text)
