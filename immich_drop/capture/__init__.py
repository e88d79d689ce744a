"""When a photo or video was taken, and which guest uploaded it.

    region     reads the bytes of a file, up to a limit
    exif       dates and description in an EXIF block (which is a TIFF file), read by Pillow
    images     where JPEG, PNG, WebP and TIFF keep that block
    boxes      where HEIC and AVIF keep it; dates and descriptions of QuickTime and MP4
    matroska   the date of Matroska and WebM
    xmp        the sidecar that names the guest, unless the file has a description of its own

Pillow reads the EXIF block, but we do not let it open the image: it would read a WebP or AVIF whole
into a native decoder, and decode a PNG to reach an eXIf chunk behind the pixels. We need only a
date, which takes a few small reads, so we locate the block ourselves, in HEIC as well.
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
"""A device that does not know the date writes 0, the start of 1970 in some time zone."""
DAY = timedelta(days=1)


def taken(path: Path, *, last_modified: datetime | None, received: datetime) -> datetime:
    """Return the best known instant of capture, aware and in UTC.

    The candidates, in this order: the dates in the file itself, `last_modified` on the guest's
    device, `received`. The first one between EARLIEST and a day after `received` is returned.
    Whatever the file contains, this does not raise.
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
