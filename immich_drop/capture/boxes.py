"""ISO base media: finds the EXIF block of HEIC and AVIF, and dates and descriptions of movies.

Implements ISO/IEC 14496-12 boxes, 23008-12 items, and Apple's QuickTime metadata. Only boxes that
are named here are entered, so deeply nested boxes do no harm.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from immich_drop.capture import exif
from immich_drop.capture.region import Region

_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_LATEST = 1 << 33
"""Seconds since the format's epoch: the year 2176. A larger number is not a date."""
_CREATION_DATE = b"com.apple.quicktime.creationdate"
_DESCRIPTION = b"com.apple.quicktime.description"
_DESCRIPTIONS = {b"desc", b"ldes", b"dscp", b"\xa9des"}
_LONGEST_TABLE = 1 << 16
"""Bytes of the item table that are read."""
_LONGEST_TEXT = 64


def dates(file: Region) -> Iterator[datetime]:
    """Yield the dates of a HEIC, AVIF, QuickTime, MP4 or 3GP file, best first.

    Raises EOFError: the file is cut short.
    """
    for kind, box in _top_level(file):
        if kind == b"meta":
            with suppress(EOFError):
                yield from exif.dates(_exif_item(file, box.part(4)))
        if kind == b"moov":
            yield from _movie(box)


def described(file: Region) -> bool:
    """Tell whether such a file has a description. Raises EOFError: the file is cut short."""
    for kind, box in _top_level(file):
        with suppress(EOFError):
            if kind == b"meta" and exif.described(_exif_item(file, box.part(4))):
                return True
            if kind == b"moov" and any(map(_captioned, _boxes(box))):
                return True
    return False


def _top_level(file: Region) -> Iterator[tuple[bytes, Region]]:
    """Yield the top-level boxes of the file; none if it is not an ISO base media file."""
    if file.some(4, 4) in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        yield from _boxes(file)


def _captioned(part: tuple[bytes, Region]) -> bool:
    """Tell whether this box of a movie has a description in Apple's, iTunes' or 3GPP's form."""
    kind, box = part
    with suppress(EOFError):
        if kind == b"meta":
            return _DESCRIPTION in _keys(_child(_contents(box), b"keys"))
        if kind == b"udta":
            return any(map(_captioned_by_user, _boxes(box)))
    return False


def _captioned_by_user(part: tuple[bytes, Region]) -> bool:
    kind, box = part
    if kind == b"meta":
        with suppress(EOFError):
            return any(name in _DESCRIPTIONS for name, _ in _boxes(_child(_contents(box), b"ilst")))
    return kind in _DESCRIPTIONS


def _boxes(region: Region) -> Iterator[tuple[bytes, Region]]:
    at = 0
    while at < region.length:
        size, header = region.number(at, 4), 8
        kind = region.bytes(at + 4, 4)
        if size == 1:
            size, header = region.number(at + 8, 8), 16
        elif size == 0:
            size = region.length - at
        yield kind, region.part(at + header, size - header)
        at += max(size, header)


def _child(region: Region, wanted: bytes) -> Region:
    for kind, box in _boxes(region):
        if kind == wanted:
            return box
    raise EOFError


def _movie(movie: Region) -> Iterator[datetime]:
    """Yield Apple's creation date, which survives an export, then the date of the movie header."""
    with suppress(EOFError, ValueError):
        yield _apple_date(_child(movie, b"meta"))
    header = _child(movie, b"mvhd")
    seconds = header.number(4, 8 if header.number(0, 1) == 1 else 4)
    if seconds < _LATEST:
        yield _EPOCH + timedelta(seconds=seconds)


def _apple_date(meta: Region) -> datetime:
    """Read Apple's creation date. Raises EOFError if it is missing, ValueError if malformed."""
    meta = _contents(meta)
    index = _keys(_child(meta, b"keys")).index(_CREATION_DATE) + 1
    value = _child(_child(meta, b"ilst"), index.to_bytes(4, "big"))
    text = _child(value, b"data").some(8, _LONGEST_TEXT).decode("ascii", "replace")
    date = datetime.fromisoformat(text)
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _contents(meta: Region) -> Region:
    """Return the contents of a `meta` box; in ISO it begins with version and flags, in QuickTime
    it does not."""
    return meta if meta.bytes(4, 4) == b"hdlr" else meta.part(4)


def _keys(box: Region) -> list[bytes]:
    """Return the names of the keys; each entry has the shape of a box."""
    return [key.some(0, _LONGEST_TEXT) for _, key in _boxes(box.part(8))]


class _Fields:
    """Reads numbers of various widths, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def skip(self, length: int) -> None:
        self._at += length

    def next(self, length: int) -> int:
        """Return the next number of `length` bytes. Raises EOFError."""
        field = self._data[self._at : self._at + length]
        if len(field) < length:
            raise EOFError
        self._at += length
        return int.from_bytes(field, "big")


def _exif_item(file: Region, meta: Region) -> Region:
    """Return the EXIF block of an image. Raises EOFError: there is none."""
    in_idat, offset, length = _location(_child(meta, b"iloc"), _exif_id(_child(meta, b"iinf")))
    item = (_child(meta, b"idat") if in_idat else file).part(offset, length)
    return item.part(4 + item.number(0, 4))


def _exif_id(table: Region) -> int:
    """Return the id of the EXIF item. Raises EOFError: there is none."""
    for _, entry in _boxes(table.part(6 if table.number(0, 1) == 0 else 8)):
        width = 2 if entry.number(0, 1) == 2 else 4
        if entry.some(4 + width + 2, 4) == b"Exif":
            return entry.number(4, width)
    raise EOFError


def _location(table: Region, item: int) -> tuple[bool, int, int]:
    """Return whether an item lies in the box `idat`, its offset and its length.

    Raises EOFError: there is no such item.
    """
    fields = _Fields(table.some(0, _LONGEST_TABLE))
    version = fields.next(1)
    fields.skip(3)
    widths = fields.next(2)
    offset, length, base, index = (widths >> shift & 15 for shift in (12, 8, 4, 0))
    if version == 0:
        index = 0
    wide = 4 if version == 2 else 2
    for _ in range(fields.next(wide)):
        found = fields.next(wide) == item
        in_idat = version > 0 and fields.next(2) & 15 == 1
        fields.skip(2)
        start, extents = fields.next(base), fields.next(2)
        if found:
            fields.skip(index)
            return in_idat, start + fields.next(offset), fields.next(length)
        fields.skip(extents * (index + offset + length))
    raise EOFError
