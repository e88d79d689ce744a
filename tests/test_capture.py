"""When was it taken, and whom is it from: each format, the order of trust, files that mean harm."""

import os
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from immich_drop.capture import sidecar, taken
from immich_drop.capture.region import BYTES, READS

RECEIVED = datetime(2026, 7, 5, 12, tzinfo=UTC)
MODIFIED = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)

DATE_TIME, EXIF = 0x0132, 0x8769
ORIGINAL, DIGITIZED = 0x9003, 0x9004
FRACTION, FRACTION_DIGITIZED, OFFSET = 0x9291, 0x9292, 0x9011

Tags = dict[int, str]

pillow_heif.register_heif_opener()


def exif(main: Tags | None = None, **sub: str) -> Image.Exif:
    tags = Image.Exif()
    tags.update(main or {})
    names = {
        "original": ORIGINAL,
        "digitized": DIGITIZED,
        "fraction": FRACTION,
        "fraction_digitized": FRACTION_DIGITIZED,
        "offset": OFFSET,
    }
    tags.get_ifd(EXIF).update({names[name]: text for name, text in sub.items()})
    return tags


def image(form: str, tags: Image.Exif | None = None, **options: object) -> bytes:
    if tags is not None and form == "tiff":  # Pillow would leave the EXIF directory out
        return tags.tobytes().removeprefix(b"Exif\0\0")
    if tags is not None:
        options["exif"] = tags
    file = BytesIO()
    Image.new("RGB", (16, 16)).save(file, form, **options)
    return file.getvalue()


def box(kind: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def seconds_since_1904(date: datetime) -> int:
    return int((date - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds())


def mvhd(date: datetime, *, wide: bool = False) -> bytes:
    fields = struct.pack(">IQ" if wide else ">II", wide << 24, seconds_since_1904(date))
    return box(b"mvhd", fields, bytes(80))


def apple_meta(
    text: bytes, *, iso: bool = False, key: bytes = b"com.apple.quicktime.creationdate"
) -> bytes:
    names = [b"com.apple.quicktime.make", key]
    keys = b"".join(struct.pack(">I4s", 8 + len(name), b"mdta") + name for name in names)
    values = [
        box(index.to_bytes(4, "big"), box(b"data", struct.pack(">II", 1, 0), value))
        for index, value in [(1, b"Apple"), (2, text)]
    ]
    return box(
        b"meta",
        bytes(4) if iso else b"",
        box(b"hdlr", bytes(8), b"mdta", bytes(13)),
        box(b"keys", struct.pack(">II", 0, len(names)), keys),
        box(b"ilst", *values),
    )


FTYP = box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
FILMED = datetime(2025, 12, 31, 23, 59, 58, tzinfo=UTC)


def movie(*content: bytes) -> bytes:
    return FTYP + box(b"mdat", bytes(5000)) + box(b"moov", *content)


def element(name: bytes, content: bytes, *, unknown: bool = False) -> bytes:
    return name + (b"\xff" if unknown else struct.pack(">Q", 1 << 56 | len(content))) + content


def matroska(date: datetime, *, unknown: bool = False) -> bytes:
    nanoseconds = int((date - datetime(2001, 1, 1, tzinfo=UTC)).total_seconds()) * 10**9
    info = element(b"\x15\x49\xa9\x66", element(b"\x44\x61", struct.pack(">q", nanoseconds)))
    segment = element(b"\xec", bytes(90)) + info
    return element(b"\x1a\x45\xdf\xa3", b"\x42\x86\x81\x01") + element(
        b"\x18\x53\x80\x67", segment, unknown=unknown
    )


When = Callable[[bytes], datetime]


@pytest.fixture(name="when")
def when_fixture(tmp_path: Path) -> When:
    """Tell when a file of these bytes was taken that came with a date of its own."""

    def when(content: bytes) -> datetime:
        path = tmp_path / "file"
        path.write_bytes(content)
        return taken(path, last_modified=MODIFIED, received=RECEIVED)

    return when


FULL = {"original": "2024:07:04 20:15:30", "fraction": "25", "offset": "+02:00"}


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "heif", "avif"])
def test_exif_with_its_offset(when: When, form: str) -> None:
    tags = exif({DATE_TIME: "2025:01:01 00:00:00"}, **FULL)
    assert when(image(form, tags)) == datetime(2024, 7, 4, 18, 15, 30, 250000, tzinfo=UTC)


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "heif", "avif"])
def test_an_image_without_exif_has_no_date_of_its_own(when: When, form: str) -> None:
    assert when(image(form)) == MODIFIED


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        pytest.param(
            exif(original="2024:07:04 20:15:30"),
            datetime(2024, 7, 4, 20, 15, 30, tzinfo=UTC),
            id="a wall clock without offset counts as UTC",
        ),
        pytest.param(
            exif({DATE_TIME: "2024:01:03 00:00:00"}, digitized="2024:01:02 00:00:00"),
            datetime(2024, 1, 2, tzinfo=UTC),
            id="digitized before changed",
        ),
        pytest.param(
            exif(original="2024:01:01 00:00:00", digitized="2024:01:02 00:00:00"),
            datetime(2024, 1, 1, tzinfo=UTC),
            id="original before digitized",
        ),
        pytest.param(
            exif({DATE_TIME: "2024:01:03 00:00:00"}),
            datetime(2024, 1, 3, tzinfo=UTC),
            id="changed before the file system's date",
        ),
        pytest.param(
            exif(original="0000:00:00 00:00:00", digitized="2024:01:02 00:00:00"),
            datetime(2024, 1, 2, tzinfo=UTC),
            id="a camera without a clock",
        ),
        pytest.param(
            exif(original="2031:01:01 00:00:00", digitized="2024:01:02 00:00:00"),
            datetime(2024, 1, 2, tzinfo=UTC),
            id="a clock that is ahead",
        ),
        pytest.param(exif(original="2024:02:31 00:00:00"), MODIFIED, id="no such day"),
        pytest.param(exif(original="yesterday"), MODIFIED, id="no date"),
        pytest.param(exif(original="1970:01:01 00:00:00"), MODIFIED, id="a clock at its zero"),
        pytest.param(
            exif(original="2024:07:04 20:15:30", fraction="x", offset="here"),
            datetime(2024, 7, 4, 20, 15, 30, tzinfo=UTC),
            id="neither fraction nor offset make sense",
        ),
        pytest.param(
            exif(original="2024:07:04 20:15:30", fraction="1234567", offset="-03:30"),
            datetime(2024, 7, 4, 23, 45, 30, 123456, tzinfo=UTC),
            id="west of Greenwich, finer than microseconds",
        ),
    ],
)
def test_which_exif_date_wins(when: When, tags: Image.Exif, expected: datetime) -> None:
    assert when(image("jpeg", tags)) == expected


def test_a_big_endian_block(when: When) -> None:
    tags = exif(**FULL)
    tags.endian = ">"
    assert tags.tobytes()[6:8] == b"MM"
    assert when(image("jpeg", tags)) == datetime(2024, 7, 4, 18, 15, 30, 250000, tzinfo=UTC)


def test_exif_behind_other_segments_of_a_jpeg(when: When) -> None:
    jpeg = image("jpeg", exif(**FULL))
    comment = b"\xff\xff\xfe" + struct.pack(">H", 4) + b"hi"  # with a fill byte
    xmp = b"\xff\xe1" + struct.pack(">H", 10) + b"http://x"
    assert when(jpeg[:2] + comment + xmp + jpeg[2:]).year == 2024


def test_exif_behind_the_pixels_of_a_png(when: When) -> None:
    png = image("png", exif({DATE_TIME: "2025:01:01 00:00:00"}, **FULL))
    at = png.index(b"eXIf") - 4
    chunk = png[at : at + 12 + int.from_bytes(png[at : at + 4], "big")]
    end = png.index(b"IEND") - 4
    assert when(png[:at] + png[at + len(chunk) : end] + chunk + png[end:]).year == 2024


@pytest.mark.parametrize("wide", [False, True])
def test_the_header_of_a_movie(when: When, wide: bool) -> None:
    assert when(movie(mvhd(FILMED, wide=wide))) == FILMED


@pytest.mark.parametrize("iso", [False, True])
def test_apples_creation_date_before_the_movies_header(when: When, iso: bool) -> None:
    meta = apple_meta(b"2024-07-04T20:15:30+0200", iso=iso)
    assert when(movie(mvhd(FILMED), meta)) == datetime(2024, 7, 4, 18, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", [b"last summer", b"", b"2031-01-01T00:00:00Z", b"\xff\xfe"])
def test_a_creation_date_that_is_none(when: When, text: bytes) -> None:
    assert when(movie(mvhd(FILMED), apple_meta(text))) == FILMED


def test_a_creation_date_without_zone_counts_as_utc(when: When) -> None:
    meta = apple_meta(b"2024-07-04T20:15:30")
    assert when(movie(mvhd(FILMED), meta)) == datetime(2024, 7, 4, 20, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize("seconds", [0, seconds_since_1904(datetime(1970, 1, 1, tzinfo=UTC))])
def test_a_movie_that_does_not_know(when: When, seconds: int) -> None:
    assert when(movie(box(b"mvhd", struct.pack(">II", 0, seconds), bytes(80)))) == MODIFIED


def test_a_movie_behind_ten_gigabytes(tmp_path: Path) -> None:
    path, length = tmp_path / "long.mp4", 10 << 30
    with path.open("wb") as file:
        file.write(FTYP + struct.pack(">I4sQ", 1, b"mdat", length))
        file.seek(len(FTYP) + length)
        file.write(box(b"moov", mvhd(FILMED)))
    assert taken(path, last_modified=None, received=RECEIVED) == FILMED


@pytest.mark.parametrize("unknown", [False, True])
def test_matroska(when: When, unknown: bool) -> None:
    assert when(matroska(FILMED, unknown=unknown)) == FILMED


@pytest.mark.parametrize(
    ("last_modified", "expected"),
    [
        (MODIFIED, MODIFIED),
        (MODIFIED.astimezone(), MODIFIED),
        (RECEIVED + timedelta(hours=23), RECEIVED + timedelta(hours=23)),
        (RECEIVED + timedelta(days=2), RECEIVED),
        (datetime(1970, 1, 1, tzinfo=UTC), RECEIVED),
        (datetime(1601, 1, 1, tzinfo=UTC), RECEIVED),
        (None, RECEIVED),
    ],
)
def test_a_file_that_tells_nothing(
    tmp_path: Path, last_modified: datetime | None, expected: datetime
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"no image at all")
    found = taken(path, last_modified=last_modified, received=RECEIVED)
    assert (found, found.tzinfo) == (expected, UTC)


def tiff(*entries: bytes, count: int | None = None) -> bytes:
    length = len(entries) if count is None else count
    return b"II*\0" + struct.pack("<IH", 8, length) + b"".join(entries)


HOSTILE = {
    "a tag of four gigabytes": tiff(struct.pack("<HHII", DATE_TIME, 2, 0xFFFFFFFF, 0)),
    "a directory that is its own child": tiff(struct.pack("<HHII", EXIF, 4, 1, 8)),
    "65535 tags": tiff(*[struct.pack("<HHII", DATE_TIME, 2, 99, 8)] * 0xFFFF),
    "a directory at the end of all addresses": b"II*\0\xff\xff\xff\xff",
    "segments without length": b"\xff\xd8" + b"\xff\xe1\0\0" * 100_000,
    "fill bytes without end": b"\xff\xd8" + b"\xff" * 1_000_000,
    "chunks without content": b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0eXIf\0\0\0\0" * 100_000,
    "a chunk longer than the file": b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffeXIf",
    "an empty container": b"RIFF\0\0\0\0WEBP" + b"EXIF\0\0\0\0" * 100_000,
    "boxes of no length": FTYP + b"\0\0\0\1meta" + bytes(8) * 100_000,
    "boxes shorter than themselves": FTYP + b"\0\0\0\2moov" * 100_000,
    "a box of 2^63 bytes": FTYP + struct.pack(">I4sQ", 1, b"moov", 1 << 63),
    "boxes in boxes": FTYP
    + b"".join(struct.pack(">I4s", 8 * n, b"moov") for n in range(9999, 0, -1)),
    "a million keys": movie(box(b"meta", box(b"hdlr"), box(b"keys", b"\0\0\0\x08mdta" * 99_999))),
    "items without number": FTYP
    + box(
        b"meta",
        bytes(4),
        box(b"iinf", bytes(6), box(b"infe", b"\2\0\0\0\0\1\0\0Exif")),
        box(b"iloc", b"\1\0\0\0\0\0\xff\xff", b"\0\2\0\0\0\0\xff\xff" * 8192),
    ),
    "elements of no name": b"\x1a\x45\xdf\xa3\x80" + bytes(1000),
    "elements of no length": b"\x1a\x45\xdf\xa3\x80" + b"\xec\x80" * 100_000,
    "nothing": b"",
}


@pytest.fixture(name="reads")
def reads_fixture(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count the bytes of each read."""
    reads: list[int] = []
    pread = os.pread

    def counted(file: int, length: int, start: int) -> bytes:
        data = pread(file, length, start)
        reads.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counted)
    return reads


# Whom is it from

DESCRIPTION = 0x010E
DC = "{http://purl.org/dc/elements/1.1/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def xmp(content: str) -> bytes:
    """Wrap what a file says of itself, as Adobe's programs do."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta '
        'xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:xmp="http://ns.adobe.com/xap/1.0/" {content}</rdf:RDF></x:xmpmeta>'
    ).encode()


IN_WORDS = {
    "an element": xmp(
        '><dc:description><rdf:Alt><rdf:li xml:lang="x-default">The cake</rdf:li></rdf:Alt>'
        "</dc:description></rdf:Description>"
    ),
    "an attribute": xmp('dc:description="The cake"/>'),
}
RATED = xmp('xmp:Rating="5"/>')

From = Callable[..., bytes | None]


@pytest.fixture(name="from_guest")
def from_guest_fixture(tmp_path: Path) -> From:
    """Make the sidecar of a file of these bytes."""

    def from_guest(content: bytes, guest: str = "Anna") -> bytes | None:
        path = tmp_path / "file"
        path.write_bytes(content)
        return sidecar(path, guest=guest)

    return from_guest


def says(made: bytes | None) -> str:
    """Read the description of a sidecar, which must say nothing else."""
    assert made is not None
    (about,) = ET.fromstring(made).findall(f"{RDF}RDF/{RDF}Description")
    assert about.attrib == {f"{RDF}about": ""}
    assert [each.tag for each in about] == [f"{DC}description"]
    (words,) = about.findall(f"{DC}description/{RDF}Alt/{RDF}li")
    assert words.text is not None
    return words.text


FORMS = ["jpeg", "png", "webp", "tiff", "heif", "avif"]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_without_words_gets_the_guests_name(from_guest: From, form: str) -> None:
    for tags in (None, exif(**FULL), exif({DESCRIPTION: "  "})):
        assert says(from_guest(image(form, tags))) == "From Anna"


@pytest.mark.parametrize("form", FORMS)
def test_words_in_exif_stay_visible(from_guest: From, form: str) -> None:
    assert from_guest(image(form, exif({DESCRIPTION: "The cake"}))) is None


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "heif", "avif"])
@pytest.mark.parametrize("packet", IN_WORDS.values(), ids=IN_WORDS.keys())
def test_words_in_xmp_stay_visible(from_guest: From, form: str, packet: bytes) -> None:
    assert from_guest(with_xmp(form, packet)) is None
    assert says(from_guest(with_xmp(form, RATED))) == "From Anna"


def with_xmp(form: str, packet: bytes) -> bytes:
    """Save an image with its XMP as its format wants it."""
    match form:
        case "png":
            info = PngInfo()
            info.add_itxt("XML:com.adobe.xmp", packet.decode())
            return image(form, pnginfo=info)
        case "tiff":
            return image(form, tiffinfo={700: packet})
    return image(form, xmp=packet)


def test_words_of_a_png(from_guest: From) -> None:
    info = PngInfo()
    info.add_text("Description", "The cake")
    assert from_guest(image("png", pnginfo=info)) is None


def ilst(name: bytes) -> bytes:
    item = box(name, box(b"data", struct.pack(">II", 1, 0), b"The cake"))
    return box(b"udta", box(b"meta", bytes(4), box(b"hdlr", bytes(24)), box(b"ilst", item)))


@pytest.mark.parametrize(
    ("part", "in_words"),
    [
        (apple_meta(b"x", key=b"com.apple.quicktime.description"), True),
        (apple_meta(b"2024-07-04T20:15:30+0200"), False),
        (ilst(b"desc"), True),
        (ilst(b"\xa9des"), True),
        (ilst(b"\xa9too"), False),
        (box(b"udta", box(b"\xa9des", b"\0\x08\0\0The cake"), bytes(4)), True),
        (box(b"udta", box(b"\xa9xyz", b"\0\x08\0\0+52+13/"), bytes(4)), False),
        (box(b"udta", box(b"dscp", bytes(6), b"The cake\0")), True),
    ],
)
def test_words_of_a_movie_stay_visible(from_guest: From, part: bytes, in_words: bool) -> None:
    assert (from_guest(movie(mvhd(FILMED), part)) is None) == in_words


def test_words_behind_ten_gigabytes(tmp_path: Path) -> None:
    path, length = tmp_path / "long.mp4", 10 << 30
    with path.open("wb") as file:
        file.write(FTYP + struct.pack(">I4sQ", 1, b"mdat", length))
        file.seek(len(FTYP) + length)
        file.write(box(b"moov", mvhd(FILMED), box(b"uuid", IN_WORDS["an element"])))
    assert sidecar(path, guest="Anna") is None


@pytest.mark.parametrize(
    ("guest", "said"),
    [
        ("Ünal 🐱 & Söhne", "From Ünal 🐱 & Söhne"),
        ("</rdf:li>]]><x a='\"'>", "From </rdf:li>]]><x a='\"'>"),
        ("A\0n\x1bn\x7fa\r\n\tB\ufffe\ud800", "From A n n\x7fa B"),
        ("{0} {name}", "From {0} {name}"),
    ],
)
def test_any_name_is_only_a_name(from_guest: From, guest: str, said: str) -> None:
    assert says(from_guest(b"a film", guest)) == said


@pytest.mark.parametrize("guest", ["", " \0\n"])
def test_nobodys_name(from_guest: From, guest: str) -> None:
    assert from_guest(b"a film", guest) is None


# Files that mean harm


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_look_for_words_is_bounded(from_guest: From, reads: list[int], content: bytes) -> None:
    tracemalloc.start()
    try:
        assert says(from_guest(content)) == "From Anna"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(reads) <= 3 * READS
    assert sum(reads) <= 3 * BYTES
    assert peak < 2 * BYTES


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_runs_dry(when: When, reads: list[int], content: bytes) -> None:
    tracemalloc.start()
    try:
        found = when(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == MODIFIED
    assert len(reads) <= READS
    assert sum(reads) <= BYTES
    assert peak < 2 * BYTES


@pytest.mark.parametrize("form", ["jpeg", "webp", "tiff", "heif", "avif"])
def test_a_date_costs_few_reads(when: When, reads: list[int], form: str) -> None:
    when(image(form, exif(**FULL)))
    assert len(reads) < 60


ANNAS = sidecar(Path(os.devnull), guest="Anna")
SAMPLES = [
    *(
        image(form, exif({DATE_TIME: "2025:01:01 00:00:00"}, **FULL))
        for form in ("jpeg", "png", "webp", "tiff", "heif", "avif")
    ),
    movie(mvhd(FILMED), apple_meta(b"2024-07-04T20:15:30+0200")),
    movie(mvhd(FILMED), ilst(b"desc")),
    matroska(FILMED),
]


@settings(max_examples=300, deadline=None)
@given(
    sample=st.sampled_from(SAMPLES),
    changes=st.lists(
        st.tuples(st.integers(0, 1500), st.binary(min_size=1, max_size=8)), max_size=6
    ),
    length=st.none() | st.integers(0, 2000),
)
def test_whatever_the_bytes_there_is_a_date(
    tmp_path_factory: pytest.TempPathFactory,
    sample: bytes,
    changes: list[tuple[int, bytes]],
    length: int | None,
) -> None:
    content = bytearray(sample)
    for at, data in changes:
        content[at : at + len(data)] = data
    path = tmp_path_factory.getbasetemp() / "mutant"
    path.write_bytes(content[:length])
    found = taken(path, last_modified=None, received=RECEIVED)
    assert datetime(1970, 1, 2, tzinfo=UTC) <= found <= RECEIVED + timedelta(days=1)
    assert sidecar(path, guest="Anna") in {None, ANNAS}
