"""The dates in an EXIF block, best first.

EXIF 2.32 keeps a wall clock, a fraction and, in newer files, its offset from UTC. Without an offset
the wall clock is taken as UTC, as Immich does, so that the day is right. DateTime, when the file
was last changed, comes last: it is nearer to the capture than the file system's date, which
is that of the last copy.
"""

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

from immich_drop.capture.region import Region

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_EXIF_DIRECTORY = 0x8769
_DATE_FRACTION_OFFSET = (
    (0x9003, 0x9291, 0x9011),  # DateTimeOriginal
    (0x9004, 0x9292, 0x9012),  # DateTimeDigitized
    (0x0132, 0x9290, 0x9010),  # DateTime
)

_MOST_TAGS = 1024
"""Per directory; cameras write some dozens."""
_LONGEST_TEXT = 64

_DATE = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)

Tags = dict[int, bytes]
"""Each tag's count and its value, or where that is."""


def dates(block: Region) -> Iterator[datetime]:
    """Yield the dates that make sense as such. Raises EOFError: the block is cut short."""
    order = _ORDERS.get(block.bytes(0, 4))
    if order is None:
        return
    tags = _texts(block, order, *struct.unpack(f"{order}I", block.bytes(4, 4)))
    for date, fraction, offset in _DATE_FRACTION_OFFSET:
        if instant := _instant(*(tags.get(tag, "") for tag in (date, fraction, offset))):
            yield instant


def _texts(block: Region, order: str, start: int) -> dict[int, str]:
    """Return the texts that tell dates, of the main directory and of its EXIF directory."""
    tags = _directory(block, order, start)
    if pointer := tags.get(_EXIF_DIRECTORY):
        with suppress(EOFError):
            tags |= _directory(block, order, *struct.unpack(f"{order}4xI", pointer))
    wanted = {tag for tags_of_date in _DATE_FRACTION_OFFSET for tag in tags_of_date}
    return {tag: _text(block, order, tags[tag]) for tag in wanted & tags.keys()}


def _directory(block: Region, order: str, start: int) -> Tags:
    (count,) = struct.unpack(f"{order}H", block.bytes(start, 2))
    entries = block.bytes(start + 2, 12 * min(count, _MOST_TAGS))
    return dict(struct.iter_unpack(f"{order}H2x8s", entries))


def _text(block: Region, order: str, entry: bytes) -> str:
    count, where = struct.unpack(f"{order}II", entry)
    inline = count <= 4
    text = entry[4 : 4 + count] if inline else block.some(where, min(count, _LONGEST_TEXT))
    return text.decode("ascii", "replace").partition("\0")[0].strip()


def _instant(date: str, fraction: str, offset: str) -> datetime | None:
    if not (found := _DATE.match(date)):
        return None
    year, month, day, *clock = found.groups()
    digits = fraction if fraction.isascii() and fraction.isdigit() else "0"
    try:
        wall = datetime.fromisoformat(f"{year}-{month}-{day}T{':'.join(clock)}")
        return wall.replace(microsecond=int(digits[:6].ljust(6, "0")), tzinfo=_zone(offset))
    except ValueError:  # the 31st of February, the zeros of a camera without a clock, +99:99
        return None


def _zone(offset: str) -> timezone:
    if not (found := _OFFSET.fullmatch(offset)):
        return UTC
    sign, hours, minutes = found.groups()
    return timezone(int(f"{sign}1") * timedelta(hours=int(hours), minutes=int(minutes)))
