"""The date of Matroska and WebM files (RFC 8794, RFC 9559)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from immich_drop.capture.region import Region

_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
_HEADER = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_INFO = b"\x15\x49\xa9\x66"
_CLUSTER = b"\x1f\x43\xb6\x75"
_DATE_UTC = b"\x44\x61"


def dates(file: Region) -> Iterator[datetime]:
    """Yield the date of the segment. Raises EOFError: the file is cut short."""
    if file.some(0, 4) != _HEADER:
        return
    for kind, segment in _elements(file):
        if kind == _SEGMENT:
            yield from _dates(segment)


def _dates(segment: Region) -> Iterator[datetime]:
    for kind, element in _elements(segment):
        if kind == _CLUSTER:
            return
        if kind == _INFO:
            for name, value in _elements(element):
                if name == _DATE_UTC and value.length == 8:
                    nanoseconds = int.from_bytes(value.bytes(0, 8), "big", signed=True)
                    yield _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _elements(region: Region) -> Iterator[tuple[bytes, Region]]:
    at = 0
    while at < region.length:
        name = region.bytes(at, _width(region, at))
        at += len(name)
        width = _width(region, at)
        ones = (1 << 7 * width) - 1
        size = region.number(at, width) & ones
        at += width
        yield name, region.part(at, None if size == ones else size)
        at += region.length if size == ones else size


def _width(region: Region, at: int) -> int:
    """Return how many bytes the number at `at` has: its leading zero bits, plus one."""
    return 9 - region.number(at, 1).bit_length()
