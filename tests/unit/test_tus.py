"""Headers of tus 1.0.0: every one that is malformed is refused, and with which answer."""

import base64
import hashlib
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from immich_drop import tus
from immich_drop.errors import (
    BadMetadata,
    BadRequest,
    DropError,
    EmptyFile,
    HeadersTooLarge,
    TooLarge,
    UnsupportedChecksum,
    UnsupportedVersion,
    WrongContentType,
)
from immich_drop.names import clean_name
from immich_drop.upload import Checksum
from unit.make import sha1, upload

MAX = 1000
OCTETS = {"Content-Type": "application/offset+octet-stream"}
SHA1 = base64.b64encode(sha1(b"x")).decode()
SHA256 = base64.b64encode(hashlib.sha256(b"x").digest()).decode()


def encoded(value: str | bytes) -> str:
    raw = value if isinstance(value, bytes) else value.encode()
    return base64.b64encode(raw).decode()


def metadata(**values: str | bytes) -> str:
    return ",".join(f"{key} {encoded(value)}" for key, value in values.items())


NAMED = {"Upload-Metadata": metadata(filename="a.jpg")}


def create(raw: str) -> tus.Metadata:
    headers = {"Upload-Length": "5", "Upload-Metadata": raw}
    return tus.read_creation(headers, max_size=MAX).metadata


@pytest.mark.parametrize("version", ["", "0.2.2", "1.0", "1.0.0, 1.0.0", "v1.0.0", None])
def test_another_version(version: str | None) -> None:
    headers = {} if version is None else {"Tus-Resumable": version}
    with pytest.raises(UnsupportedVersion):
        tus.check_version(headers)


def test_our_version() -> None:
    tus.check_version({"Tus-Resumable": "1.0.0"})


NOT_NUMBERS = [
    *("", " ", "-1", "+5", "1_0", "0x5", "5.0", "5e0", "٥", "５", "²", "5 5", "5,5", "5;", "five"),
    *("\n5", "5\n", "\x005", "1" * 41, "NaN", "inf"),
]


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(BadRequest):
        tus.read_creation(NAMED | {"Upload-Length": text}, max_size=MAX)
    with pytest.raises(BadRequest):
        tus.read_chunk(OCTETS | {"Upload-Offset": text}, max_size=MAX)
    with pytest.raises(BadRequest):
        tus.read_chunk(OCTETS | {"Upload-Offset": "0", "Upload-Length": text}, max_size=MAX)


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"Upload-Length": "5"}, 5),
        ({"Upload-Length": "0005"}, 5),
        ({"Upload-Length": "1000"}, 1000),
        ({"Upload-Length": "1001"}, TooLarge),
        ({"Upload-Length": "9" * 40}, TooLarge),
        ({"Upload-Length": "0"}, EmptyFile),
        ({"Upload-Defer-Length": "1"}, None),
        ({"Upload-Defer-Length": "0"}, BadRequest),
        ({"Upload-Defer-Length": "true"}, BadRequest),
        ({"Upload-Defer-Length": "1", "Upload-Length": "5"}, BadRequest),
        ({}, BadRequest),
        ({"Upload-Length": "5", "Content-Type": "text/plain"}, WrongContentType),
        ({"Upload-Length": "5", "Content-Type": "APPLICATION/offset+octet-stream"}, 5),
    ],
)
def test_the_length_of_a_creation(
    headers: dict[str, str], outcome: int | type[DropError] | None
) -> None:
    if isinstance(outcome, type):
        with pytest.raises(outcome):
            tus.read_creation(NAMED | headers, max_size=MAX)
    else:
        creation = tus.read_creation(NAMED | headers, max_size=MAX)
        assert creation.length == outcome
        assert creation.with_upload is ("Content-Type" in headers)


def test_a_content_type_without_content() -> None:
    headers = NAMED | {"Upload-Length": "5", "Content-Type": "text/plain"}
    assert not tus.read_creation(headers, max_size=MAX, size=0).with_upload


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"Upload-Offset": "0"}, (0, None)),
        ({"Upload-Offset": "7", "Upload-Length": "9"}, (7, 9)),
        ({"Upload-Offset": "0", "Upload-Length": "0"}, EmptyFile),
        ({"Upload-Offset": "0", "Upload-Length": "1001"}, TooLarge),
        ({}, BadRequest),
    ],
)
def test_a_chunk(
    headers: dict[str, str], outcome: tuple[int, int | None] | type[DropError]
) -> None:
    if isinstance(outcome, type):
        with pytest.raises(outcome):
            tus.read_chunk(OCTETS | headers, max_size=MAX)
    else:
        chunk = tus.read_chunk(OCTETS | headers, max_size=MAX)
        assert (chunk.offset, chunk.length) == outcome


@pytest.mark.parametrize("kind", ["", "application/octet-stream", "text/plain", None])
def test_a_chunk_of_another_type(kind: str | None) -> None:
    headers = {"Upload-Offset": "0"} | ({} if kind is None else {"Content-Type": kind})
    with pytest.raises(WrongContentType):
        tus.read_chunk(headers, max_size=MAX)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (f"sha1 {SHA1}", Checksum("sha1", sha1(b"x"))),
        (f"sha256 {SHA256}", Checksum("sha256", hashlib.sha256(b"x").digest())),
        (f"md5 {SHA1}", None),
        (f"SHA1 {SHA1}", None),
        (f"sha1 {SHA256}", None),
        (f"sha1  {SHA1}", None),
        (f"sha1 {SHA1[:-1]}", None),
        (f"sha1 {SHA1[:5]}\n{SHA1[5:]}", None),
        (f"sha1 {sha1(b'x').hex()}", None),
        ("sha1 ü", None),
        ("sha1", None),
        ("", None),
        ("x" * 1000, None),
    ],
)
def test_the_checksum_of_a_chunk(text: str, outcome: Checksum | None) -> None:
    headers = OCTETS | {"Upload-Offset": "0", "Upload-Checksum": text}
    if outcome is None:
        with pytest.raises(UnsupportedChecksum):
            tus.read_chunk(headers, max_size=MAX)
    else:
        assert tus.read_chunk(headers, max_size=MAX).checksum == outcome


def test_all_that_metadata_may_say() -> None:
    raw = metadata(
        filename="Süße.JPG",
        filetype="image/jpeg",
        lastModified="1720124130123",
        session="s" * 22,
        item="7",
        sha1="AB" * 20,
        caption="",
    )
    read = create(raw + ", flag , other ")
    assert read == tus.Metadata(
        raw=raw + ", flag , other ",
        name="Süße.JPG",
        last_modified=datetime(2024, 7, 4, 20, 15, 30, 123000, UTC),
        session="s" * 22,
        item="7",
        sha1=b"\xab" * 20,
    )


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "filename",
        metadata(name="a.jpg"),
        metadata(filename=""),
        metadata(filename=".."),
        metadata(filename="/\\"),
        metadata(filename="\x00\x1f"),
        metadata(filename=b"\xff\xfe.jpg"),
        "filename YS5qcGc=,filename Yi5qcGc=",
        "filename YS5qcGc",
        "filename YS5q cGc=",
        "filename  YS5qcGc=",
        "filename\tYS5qcGc=",
        "filename YS5qcGc=,,",
        "filename YS5qcGc=,\x1cflag",
        "filename YS5qcGc=,ümlaut",
        metadata(filename="a.jpg", session="short"),
        metadata(filename="a.jpg", session="s" * 65),
        metadata(filename="a.jpg", session="s" * 21 + "/"),
        metadata(filename="a.jpg", session="s" * 22 + "\n"),
        metadata(filename="a.jpg", item=""),
        metadata(filename="a.jpg", item="i" * 65),
        metadata(filename="a.jpg", sha1="ab"),
        metadata(filename="a.jpg", sha1="g" * 40),
        metadata(filename="a.jpg", sha1="a" * 40 + "\n"),
    ],
)
def test_metadata_that_is_refused(raw: str) -> None:
    with pytest.raises(BadMetadata):
        create(raw)


def test_a_value_that_is_not_ours_may_be_binary() -> None:
    """Only the key, and that the value is base64, are any business of the protocol's."""
    assert create(metadata(filename="a.jpg", thumbnail=b"\xff\xd8")).name == "a.jpg"


@pytest.mark.parametrize(
    "text", ["", "now", "-1", "1e12", "1.5", "9" * 15, "9" * 400, "٥", "1720124130123\n"]
)
def test_a_date_that_makes_no_sense_is_no_date(text: str) -> None:
    assert create(metadata(filename="a.jpg", lastModified=text)).last_modified is None


def test_metadata_that_is_too_long() -> None:
    with pytest.raises(HeadersTooLarge):
        create(metadata(filename="a" * 8192))


@given(st.text())
@example("a" * 300 + ".jpeg")
@example("../../etc/passwd")
def test_any_name_is_read_clean_or_refused(name: str) -> None:
    raw = metadata(filename=name.encode(errors="replace"))
    try:
        read = create(raw)
    except (BadMetadata, HeadersTooLarge):
        return
    assert read.name
    assert read.name == clean_name(read.name)


@given(st.text(alphabet=st.characters(max_codepoint=255)), st.text())
def test_no_header_makes_anything_but_our_errors(one: str, other: str) -> None:
    for headers in (
        {"Upload-Length": "5", "Upload-Metadata": one},
        {"Upload-Length": one, "Upload-Metadata": other},
        OCTETS | {"Upload-Offset": one, "Upload-Checksum": other},
        OCTETS | {"Upload-Offset": "0", "Upload-Checksum": "sha1 " + one},
    ):
        for read in (tus.read_creation, tus.read_chunk):
            with suppress(DropError):
                read(headers, max_size=MAX)


@pytest.mark.parametrize(
    ("text", "good"),
    [("s" * 16, True), ("s" * 64, True), ("s" * 15, False), ("s" * 65, False), ("ü" * 20, False)],
)
def test_what_names_a_session(text: str, good: bool) -> None:
    assert tus.is_session(text) is good


def test_what_is_answered() -> None:
    expires = datetime(2026, 7, 6, 20, 15, 30, tzinfo=UTC)
    assert tus.offset_headers(offset=3, expires=None) == {"Upload-Offset": "3"}
    told = tus.state_headers(upload(length=5), offset=3, expires=expires)
    assert told == {
        "Upload-Offset": "3",
        "Upload-Length": "5",
        "Upload-Expires": "Mon, 06 Jul 2026 20:15:30 GMT",
        "Upload-Metadata": "filename cGhvdG8uanBn",
        "Cache-Control": "no-store",
    }
    deferred = tus.state_headers(upload(length=None, metadata=""), offset=0, expires=None)
    assert deferred["Upload-Defer-Length"] == "1"
    assert not {"Upload-Length", "Upload-Metadata", "Upload-Expires"} & deferred.keys()
    assert tus.options_headers(max_size=MAX)["Tus-Max-Size"] == "1000"
