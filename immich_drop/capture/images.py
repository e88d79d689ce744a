"""Finds the EXIF block of still images."""

from collections.abc import Iterator
from datetime import datetime

from immich_drop.capture import exif
from immich_drop.capture.region import Region

_EXIF_LABEL = b"Exif\0\0"


def dates(file: Region) -> Iterator[datetime]:
    """Yield the dates of a JPEG, PNG, WebP or TIFF file. Raises EOFError: the file is cut short."""
    for block in _blocks(file):
        yield from exif.dates(block)


def described(file: Region) -> bool:
    """Tell whether such a file has a description in its EXIF.

    Raises EOFError: the file is cut short.
    """
    return any(map(exif.described, _blocks(file)))


def _blocks(file: Region) -> Iterator[Region]:
    head = file.some(0, 12)
    if head.startswith((b"II*\0", b"MM\0*")):
        yield file
    elif head.startswith(b"\xff\xd8"):
        yield from map(_unlabelled, _jpeg(file))
    elif head.startswith(b"\x89PNG\r\n\x1a\n"):
        yield from map(_unlabelled, _png(file))
    elif head.startswith(b"RIFF") and head.endswith(b"WEBP"):
        yield from map(_unlabelled, _webp(file))


def _unlabelled(block: Region) -> Region:
    # JPEG always has a label before the block, PNG never, and WebP writers disagree.
    labelled = block.some(0, len(_EXIF_LABEL)) == _EXIF_LABEL
    return block.part(len(_EXIF_LABEL)) if labelled else block


def _jpeg(file: Region) -> Iterator[Region]:
    """Walk the segments before the first scan (ITU T.81, B.1.1)."""
    at = 2
    while (marker := file.bytes(at, 2))[0] == 0xFF and marker[1] not in {0xD9, 0xDA}:
        if marker[1] == 0xFF:  # fill byte
            at += 1
            continue
        length = file.number(at + 2, 2)
        if marker[1] == 0xE1 and file.some(at + 4, len(_EXIF_LABEL)) == _EXIF_LABEL:
            yield file.part(at + 4, length - 2)
        at += 2 + max(length, 2)


def _png(file: Region) -> Iterator[Region]:
    at = 8
    while (kind := file.bytes(at + 4, 4)) != b"IEND":
        length = file.number(at, 4)
        if kind == b"eXIf":
            yield file.part(at + 8, length)
        at += 12 + length


def _webp(file: Region) -> Iterator[Region]:
    at = 12
    while at < file.length:
        length = int.from_bytes(file.bytes(at + 4, 4), "little")
        if file.bytes(at, 4) == b"EXIF":
            yield file.part(at + 8, length)
        at += 8 + length + length % 2
