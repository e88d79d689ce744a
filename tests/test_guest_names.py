"""Who brings a file: asked for as the host wishes, and said in Immich without harm."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.product import Product, running
from harness.tus import VERSION
from harness.visit import Visit

LONGEST = 80

HOSTILE = {
    "Anna\r\n\r\n--boundary\r\nContent-Disposition: form-data": "Anna--boundaryContent-Disposition"
    ": form-data",
    '</rdf:li><rdf:li xml:lang="x-default">Me': '</rdf:li><rdf:li xml:lang="x-default">Me',
    "&amp; <![CDATA[x]]> ]]> <!ENTITY x>": "&amp; <![CDATA[x]]> ]]> <!ENTITY x>",
    "\u202egnp.exe\u202c\u2066": "gnp.exe",
    "a\x00b\x1b[2K\x85\ufffe": "ab[2K",
    "x" * 5000: "x" * LONGEST,
    "\u0301" * 2000: "\u0301" * LONGEST,
    "  Tante   Ünal 🐱👩‍👩‍👧  ": "Tante Ünal 🐱👩‍👩‍👧",
    "%s %d {0} ${x}": "%s %d {0} ${x}",
}
"""What guests call themselves, and what of it is said in Immich."""


@pytest.fixture(name="optional", scope="module")
def fixture_optional(immich: Immich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that takes names and needs none."""
    settings = {**immich.settings, "GUEST_NAME": "optional", "LOG_LEVEL": "DEBUG"}
    with running(tmp_path_factory.mktemp("optional"), **settings) as product:
        yield product


@pytest.mark.usefixtures("version")
def test_it_is_said_in_immich(optional: Product, immich: Immich, data: bytes) -> None:
    link = immich.share("Wedding", owner="Anna")
    for visit in (Visit.by_key(optional, link), Visit(optional)):
        assert visit.config().json()["guestName"] == "optional"
        for guest in ("Zoë & Tom", ""):
            content = secrets.token_bytes(500)
            visit.upload(content, guest=guest)
            asset = immich.wait_for(content)
            assert asset.description == ("From Zoë & Tom" if guest else "")
        content = secrets.token_bytes(500)
        visit.upload(content)
        assert immich.wait_for(content).description == ""


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name[:12]))
def test_any_name_is_only_a_name(optional: Product, immich: Immich, name: str, data: bytes) -> None:
    Visit(optional).upload(data, guest=name)
    asset = immich.wait_for(data)
    assert asset.description.removeprefix("From ") == HOSTILE[name]
    assert asset.name == "photo.jpg"


def test_a_name_that_fits_in_no_header(optional: Product, data: bytes) -> None:
    answer = Visit(optional).create(data, guest="x" * 10_000)
    refused(answer, 431, "headers_too_large")


def test_a_name_that_is_no_text(optional: Product) -> None:
    meta = "filename cGhvdG8uanBn,guest /////w=="
    headers = VERSION | {"Upload-Length": "5", "Upload-Metadata": meta}
    refused(Visit(optional).ask("POST", "/files/", headers), 400, "bad_metadata")


def test_it_is_nobody_elses_business(optional: Product, immich: Immich, data: bytes) -> None:
    guest = "Nobody-Must-Log-Me"
    visit = Visit(optional)
    visit.upload(data, guest=guest)
    immich.wait_for(data)
    assert guest not in optional.log
    assert guest not in str(visit.uploads())


def test_off_is_off(immich: Immich, tmp_path: Path, data: bytes) -> None:
    with running(tmp_path, **immich.settings) as product:
        visit = Visit(product)
        assert visit.config().json()["guestName"] == "off"
        visit.upload(data, guest="Anna")
        assert immich.wait_for(data).description == ""


def test_required_is_required(immich: Immich, tmp_path: Path, data: bytes) -> None:
    link = immich.share("Wedding")
    with running(tmp_path, **immich.settings, GUEST_NAME="required") as product:
        for visit in (Visit(product), Visit.by_key(product, link)):
            assert visit.config().json()["guestName"] == "required"
            for guest in ({}, {"guest": ""}, {"guest": " \t "}, {"guest": "\r\n\x00\u202e"}):
                refused(visit.create(data, **guest), 400, "name_required")
            content = secrets.token_bytes(500)
            visit.upload(content, item="1", guest="Anna")
            assert immich.wait_for(content).description == "From Anna"
            again = visit.create(b"", length=len(content), item="1")
            assert again.status == 201, "what is here already needs no name"
