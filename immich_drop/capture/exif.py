"""Reads an EXIF block: its dates, best first, and whether it describes the image.

EXIF 2.32 has the local time, a fraction and, in newer files, the offset from UTC. Without an offset
the local time is taken as UTC, as Immich does, so that the day is right. DateTime, the time of the
last change to the image, comes last: it is nearer to the capture than the date in the file system,
which is that of the last copy.
"""

import io
import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import IO, cast

from PIL import Image
from PIL.ExifTags import IFD, Base

from immich_drop.capture.region import Region

_DATE_FRACTION_OFFSET = (
    (Base.DateTimeOriginal, Base.SubsecTimeOriginal, Base.OffsetTimeOriginal),
    (Base.DateTimeDigitized, Base.SubsecTimeDigitized, Base.OffsetTimeDigitized),
    (Base.DateTime, Base.SubsecTime, Base.OffsetTime),
)

_DATE = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)

_DAMAGED = (OSError, SyntaxError, ValueError, LookupError, TypeError, ArithmeticError, struct.error)
"""What Pillow raises for a malformed block."""


def dates(block: Region) -> Iterator[datetime]:
    """Yield the dates that can be read, best first."""
    try:
        exif = _read(block)
        camera = exif.get_ifd(IFD.Exif)
        texts = [
            [_text(camera.get(tag) or exif.get(tag)) for tag in tags]
            for tags in _DATE_FRACTION_OFFSET
        ]
    except _DAMAGED:
        return
    for date, fraction, offset in texts:
        if instant := _instant(date, fraction, offset):
            yield instant


def described(block: Region) -> bool:
    """Tell whether the block describes the image in words."""
    try:
        return bool(_text(_read(block).get(Base.ImageDescription)))
    except _DAMAGED:
        return False


def _read(block: Region) -> Image.Exif:
    exif = Image.Exif()
    exif.load_from_fp(cast(IO[bytes], _File(block)))
    return exif


class _File(io.RawIOBase):
    """A region as a file object, for Pillow; the limits on reading apply here too."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._at = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._region.length}
        self._at = max(0, starts[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._region.some(self._at, self._region.length if size < 0 else size)
        except EOFError as error:
            raise OSError("the allowance is used up") from error
        self._at += len(data)
        return data


def _text(value: object) -> str:
    return value.partition("\0")[0].strip() if isinstance(value, str) else ""


def _instant(date: str, fraction: str, offset: str) -> datetime | None:
    if not (found := _DATE.match(date)):
        return None
    year, month, day, *clock = found.groups()
    digits = fraction if fraction.isascii() and fraction.isdigit() else "0"
    try:
        wall = datetime.fromisoformat(f"{year}-{month}-{day}T{':'.join(clock)}")
        return wall.replace(microsecond=int(digits[:6].ljust(6, "0")), tzinfo=_zone(offset))
    except ValueError:  # the 31st of February, the zeros of a camera whose clock is unset, +99:99
        return None


def _zone(offset: str) -> timezone:
    if not (found := _OFFSET.fullmatch(offset)):
        return UTC
    sign, hours, minutes = found.groups()
    return timezone(int(f"{sign}1") * timedelta(hours=int(hours), minutes=int(minutes)))
