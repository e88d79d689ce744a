"""When was it taken, and who brought it?

    region     reads the bytes of a file, up to a limit
    exif       dates and description in an EXIF block (which is a TIFF file), read by Pillow
    images     where JPEG, PNG, WebP and TIFF keep that block
    boxes      where HEIC and AVIF keep it; dates and descriptions of QuickTime and MP4
    matroska   the date of Matroska and WebM
    xmp        the sidecar that names the guest, unless the file has a description of its own

Pillow reads the EXIF block but does not open the image: to do that it reads WebP and AVIF whole
into a native decoder, and decodes a PNG to see an eXIf chunk behind the pixels. What is needed here
is a date, found in a few small reads; so we find the block ourselves, in HEIC as well.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from immich_drop.capture import boxes, images, matroska
from immich_drop.capture.region import Region
from immich_drop.capture.xmp import sidecar

__all__ = ["sidecar", "taken"]

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
"""A device that does not know the date writes 0: the start of 1970, in any time zone."""
DAY = timedelta(days=1)


def taken(path: Path, *, last_modified: datetime | None, received: datetime) -> datetime:
    """Return the best known instant of capture, aware and in UTC.

    The first that lies between 1970 and a day after `received` wins: the dates in the file itself,
    `last_modified` on the guest's device, `received`. Whatever the file holds, this does not raise.
    """
    latest = received + DAY
    for date in chain(_recorded(path), [last_modified]):
        if date is not None and EARLIEST <= date <= latest:
            return date.astimezone(UTC)
    return received.astimezone(UTC)


def _recorded(path: Path) -> Iterator[datetime]:
    with path.open("rb", buffering=0) as file:
        whole = Region.whole(file)
        for dates in (images.dates, boxes.dates, matroska.dates):
            with suppress(EOFError):
                yield from dates(whole)
