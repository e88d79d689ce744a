"""A streaming multipart/form-data parser: bytes in, events out, with no more than a boundary,
a part's headers or a text field in memory.

It parses as busboy and multer (Immich's parsers) do, quirks included: parameters are latin-1,
`filename*` wins over `filename`, only the last segment of a path counts, and a part is a file when
its Content-Disposition has a file name or its Content-Type is application/octet-stream.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import unquote_to_bytes

MAX_HEADER = 16 * 1024
"""Bytes of one part's headers (busboy: 16 KiB)."""
MAX_VALUE = 1024 * 1024
"""Bytes of one text field; busboy drops the rest (`fieldSize`)."""

PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^;\s]*))')


class MalformedForm(Exception):
    """The form ended too early or has no boundary; the message is that of multer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A text field."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStart:
    """A file part begins; multer ignores a part without a file name."""

    field: str
    name: str


@dataclass(frozen=True, slots=True)
class FileData:
    """Bytes of the file part that began last."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FileEnd:
    """The file part that began last is complete."""


Event = Field | FileStart | FileData | FileEnd


class _State(Enum):
    BOUNDARY = auto()
    AFTER_BOUNDARY = auto()
    HEADERS = auto()
    TEXT = auto()
    FILE = auto()
    END = auto()


class FormParser:
    """Parses a body that is fed in pieces of any size; `close` checks that the form is complete."""

    def __init__(self, content_type: str) -> None:
        boundary = parameters(content_type).get("boundary", "")
        if not boundary:
            raise MalformedForm("Multipart: Boundary not found")
        self._delimiter = b"\r\n--" + boundary.encode("latin-1")
        self._buffer = b"\r\n"
        self._state = _State.BOUNDARY
        self._field = ""
        self._text = bytearray()

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield the events that the next piece of the body completes."""
        if self._state is _State.END:
            return
        self._buffer = self._buffer + data if self._buffer else data
        steps = {
            _State.BOUNDARY: self._skip_to_boundary,
            _State.AFTER_BOUNDARY: self._after_boundary,
            _State.HEADERS: self._headers,
            _State.TEXT: self._body,
            _State.FILE: self._body,
        }
        while step := steps.get(self._state):
            before = self._state
            yield from step()
            if self._state is before:
                return

    def close(self) -> None:
        """Raise MalformedForm unless the closing boundary was seen."""
        if self._state is not _State.END:
            raise MalformedForm("Multipart: Unexpected end of form")

    def _take_until_delimiter(self) -> tuple[bytes, bool]:
        """Return the bytes that certainly precede the delimiter, and whether it follows them.

        Bytes that may be the start of a delimiter stay in the buffer. Mostly there are none, and
        then nothing is copied.
        """
        buffer, size = self._buffer, len(self._delimiter)
        found = buffer.find(self._delimiter)
        if found >= 0:
            self._buffer = buffer[found + size :]
            return buffer[:found], True
        start = buffer.find(b"\r", max(0, len(buffer) - size + 1))
        cut = len(buffer) if start < 0 else start
        self._buffer = buffer[cut:]
        return buffer[:cut], False

    def _skip_to_boundary(self) -> Iterator[Event]:
        _, found = self._take_until_delimiter()
        if found:
            self._state = _State.AFTER_BOUNDARY
        yield from ()

    def _after_boundary(self) -> Iterator[Event]:
        if len(self._buffer) >= 2:
            closing = self._buffer[:2] == b"--"
            self._buffer = self._buffer[2:]
            self._state = _State.END if closing else _State.HEADERS
        yield from ()

    def _headers(self) -> Iterator[Event]:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEADER:
                raise MalformedForm("Multipart: Malformed part header")
            return
        headers = part_headers(self._buffer[:end])
        self._buffer = self._buffer[end + 4 :]
        options = parameters(headers.get("content-disposition", ""))
        self._field = options.get("name", "")
        octets = headers.get("content-type", "").startswith("application/octet-stream")
        if octets or options.keys() & {"filename", "filename*"}:
            self._state = _State.FILE
            yield FileStart(field=self._field, name=file_name(options))
        else:
            self._state = _State.TEXT

    def _body(self) -> Iterator[Event]:
        data, found = self._take_until_delimiter()
        if self._state is _State.FILE:
            if data:
                yield FileData(data)
            if found:
                yield FileEnd()
        else:
            self._text += data[: MAX_VALUE - len(self._text)]
            if found:
                yield Field(name=self._field, value=self._text.decode("utf-8", "replace"))
                self._text.clear()
        if found:
            self._state = _State.AFTER_BOUNDARY


def part_headers(block: bytes) -> dict[str, str]:
    """Parse the header lines of a part; names in lower case, values decoded as latin-1."""
    lines = (line.partition(":") for line in block.decode("latin-1").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def parameters(header: str) -> dict[str, str]:
    """Parse the parameters of a header value; a backslash escapes only `"` and itself."""
    return {
        name.lower(): re.sub(r'\\(["\\])', r"\1", quoted) or plain
        for name, quoted, plain in PARAMETER.findall(header)
    }


def file_name(options: dict[str, str]) -> str:
    """Return a part's file name as Immich stores it, or "" if it has none.

    Immich takes multer's string for UTF-8 that was decoded as latin-1. That is right for
    `filename`, and turns `filename*` into mojibake (seen on both recorded servers).
    """
    name = options.get("filename", "")
    charset, _, rest = options.get("filename*", "").partition("'")
    if encoded := rest.partition("'")[2]:
        known = charset if charset.lower() == "utf-8" else "latin-1"
        name = unquote_to_bytes(encoded).decode(known, "replace")
    name = re.split(r"[/\\]", name)[-1]
    units = name.encode("utf-16-le")[::2]
    return units.decode("utf-8", "replace")
