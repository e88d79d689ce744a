"""Files that nobody should open: they reach Immich as they are, and hold up nobody else."""

import io
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from harness.immich import Immich
from harness.tus import Tus
from PIL import Image

MOST = 3.0
"""Seconds in which a good photo that came last is in Immich, poison before it or not."""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_zeros(megabytes: int) -> bytes:
    """Compress so many zeros, by repeating what one megabyte of them comes to."""
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    one = deflate.compress(bytes(1_000_000)) + deflate.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, wbits=-zlib.MAX_WBITS).flush()
    adler32 = struct.pack(">HH", megabytes * 1_000_000 % 65521, 1)
    return b"\x78\xda" + one * megabytes + end + adler32


def png_bomb() -> bytes:
    """900 million pixels in 100 kB."""
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed_zeros(90))


def png_text_bomb() -> bytes:
    """A text of 200 MB that takes 200 kB, before the pixels."""
    text = chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + packed_zeros(200))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + text * 2 + chunk(b"IEND", b"")


def jpeg(exif: bytes) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (2, 2)).save(out, "JPEG", exif=b"Exif\0\0" + exif)
    return out.getvalue()


def jpeg_of_many_tags() -> bytes:
    """A directory that says it has 65,535 tags, each of 4 GB."""
    tag = struct.pack("<HHII", 0x9003, 2, 0xFFFFFFFF, 8)
    return jpeg(b"II*\0\x08\0\0\0" + struct.pack("<H", 0xFFFF) + tag * 5000)


def tiff_of_many_tags() -> bytes:
    """100,000 tags in directories which follow one another, and then the first again."""
    out = bytearray(b"II*\0\x08\0\0\0")
    for number in range(100):
        out += struct.pack("<H", 1000)
        out += b"".join(struct.pack("<HHII", 0x9000 + at, 2, 20, 8) for at in range(1000))
        out += struct.pack("<I", 8 if number == 99 else len(out) + 4)
    return bytes(out)


def jpeg_of_many_segments() -> bytes:
    return b"\xff\xd8" + b"\xff\xe1\x00\x08Exif\0\0" * 200_000 + b"\xff\xd9"


def cut_short(brand: bytes) -> bytes:
    kind = struct.pack(">I4s4sI4s", 24, b"ftyp", brand, 0, b"mif1") + brand
    meta = struct.pack(">I4sI", 0x7FFFFFFF, b"meta", 0) + struct.pack(">I4s", 500_000, b"iinf")
    return kind + meta + b"\xff" * 100


def mp4_of_boxes_in_boxes() -> bytes:
    inner = b""
    for _ in range(20_000):
        inner = struct.pack(">I4s", len(inner) + 8, b"moov") + inner
        if len(inner) > 300_000:
            break
    return struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + inner


def mp4_of_empty_boxes() -> bytes:
    return (
        struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 8, b"free") * 300_000
    )


def mp4_of_a_size_nobody_has() -> bytes:
    return struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(
        ">I4sQ", 1, b"moov", 0xFFFFFFFFFFFFFFFF
    )


def mkv_of_a_size_nobody_has() -> bytes:
    return (
        b"\x1a\x45\xdf\xa3\x01"
        + b"\xff" * 7
        + b"\x18\x53\x80\x67\x01"
        + b"\xff" * 7
        + b"\x15" * 5000
    )


POISON: dict[str, Callable[[], bytes]] = {
    "bomb.png": png_bomb,
    "text.png": png_text_bomb,
    "tags.jpg": jpeg_of_many_tags,
    "tags.tif": tiff_of_many_tags,
    "segments.jpg": jpeg_of_many_segments,
    "short.heic": lambda: cut_short(b"heic"),
    "short.avif": lambda: cut_short(b"avif"),
    "deep.mov": mp4_of_boxes_in_boxes,
    "empty.mp4": mp4_of_empty_boxes,
    "huge.mp4": mp4_of_a_size_nobody_has,
    "huge.mkv": mkv_of_a_size_nobody_has,
    "noise.webp": lambda: b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\xff" * 5000,
}


@pytest.fixture(name="poison", scope="module")
def fixture_poison() -> dict[str, bytes]:
    return {name: make() for name, make in POISON.items()}


def test_nobody_is_held_up(tus: Tus, immich: Immich, poison: dict[str, bytes]) -> None:
    for name, data in poison.items():
        tus.upload(data, filename=name)
    good = jpeg(b"")
    started = time.monotonic()
    tus.upload(good, filename="good.jpg")
    immich.wait_for(good)
    assert time.monotonic() - started < MOST
    for name, data in poison.items():
        assert immich.wait_for(data).name == name
