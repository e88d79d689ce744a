"""From received to in Immich: whatever Immich does, each file is there in the end, and once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.immich import Immich
from harness.product import Product, running
from harness.tus import Tus
from harness.wait import until

EVERYWHERE = [
    ("down", {"seconds": 0.5}),
    ("status", {"status": 500}),
    ("status", {"status": 401, "message": "Invalid API key"}),
    ("status", {"status": 403, "message": "Missing required permission"}),
    ("maintenance", {}),
    ("html", {"status": 502}),
    ("html", {"status": 200}),
    ("redirect", {"status": 307, "location": "http://127.0.0.1:9/elsewhere"}),
    ("lose_answer", {}),
]
ON_THE_WAY = [
    ("redirect", {"status": 302, "location": "http://127.0.0.1:9/elsewhere"}),
    ("cut_body", {"after": 10}),
    ("cut_body", {"after": 300_000}),
    ("slow_body", {"rate": 2_000_000}),
    ("error_before_insert", {}),
    ("quota", {}),
    ("slow_answer", {"seconds": 0.3}),
]
TROUBLE = [("POST /assets", *each) for each in EVERYWHERE + ON_THE_WAY]
TROUBLE += [("POST /assets/bulk-upload-check", *each) for each in EVERYWHERE]


@pytest.mark.parametrize(("match", "kind", "options"), TROUBLE, ids=str)
def test_trouble_passes(
    product: Product, immich: Immich, match: str, kind: str, options: dict[str, object]
) -> None:
    data = f"{match} {kind} {options} ".encode() * 10_000
    with immich.fault(kind, match=match, **options):
        product.tus.upload(data)
        immich.wait_for(data)
        until(lambda: not product.spool, "the file to be settled")
    assert len(immich.assets(data)) == 1


def test_two_guests_one_photo_the_same_minute(product: Product, immich: Immich) -> None:
    data = b"we both took it from the group chat " * 20_000
    before = immich.requests("POST /assets")
    with ThreadPoolExecutor() as pool, immich.fault("slow_answer", seconds=0.3):
        list(pool.map(lambda guest: product.tus.upload(data, session=guest * 20), "abcd"))
    until(lambda: not product.spool, "all of them to be settled")
    immich.wait_for(data)
    assert immich.requests("POST /assets") == before + 1


def test_one_creation_asked_for_many_times_at_once(tus: Tus, session: str) -> None:
    """A page that lost patience asks again while its first question is under way."""
    with ThreadPoolExecutor(8) as pool:
        urls = set(pool.map(lambda _: tus.create(9, session=session, item="1"), range(16)))
    assert len(urls) == 1
    tus.delete(urls.pop())


def test_the_same_name_and_size_is_not_the_same_file(tus: Tus, immich: Immich) -> None:
    files = [b"IMG_0001 of the one phone", b"IMG_0001 of the other one"]
    for data in files:
        tus.upload(data, filename="IMG_0001.JPG", lastModified=1_600_000_000_000)
    assert {immich.wait_for(data).name for data in files} == {"IMG_0001.JPG"}


def test_what_immich_lost_is_brought_again(product: Product, immich: Immich) -> None:
    """Our own memory is a hint; Immich decides."""
    data = b"deleted in Immich by a host who did not mean it"
    product.tus.upload(data)
    first = immich.wait_for(data)
    until(lambda: not product.spool, "the file to be settled")
    immich.delete(first)
    until(lambda: not immich.assets(data), "Immich to forget it")
    product.tus.upload(data)
    assert immich.wait_for(data).id != first.id


def test_a_row_without_a_file_is_no_proof(product: Product, immich: Immich, session: str) -> None:
    """Immich before 3.1 keeps the row when storing the file fails, and calls the next duplicate."""
    data = b"Immich lists this photo and cannot show it"
    with immich.fault("error_after_insert"):
        product.tus.upload(data, session=session, item="1")
        orphan = immich.wait_for(data)
        until(lambda: codes(product, session) == ["immich_unverified"], "the doubt")
    assert len(product.spool) == 1
    immich.delete(orphan)
    until(lambda: not product.spool, "the file to be settled")
    assert immich.wait_for(data).id != orphan.id


def test_all_that_came_while_immich_was_away_arrives(product: Product, immich: Immich) -> None:
    files = [f"file {number} of an evening without Immich".encode() for number in range(30)]
    immich.control("POST", "down", {"seconds": None})
    try:
        for data in files:
            product.tus.upload(data)
        assert len(product.spool) == 30
    finally:
        immich.control("POST", "up")
    for data in files:
        immich.wait_for(data)


def codes(product: Product, session: str) -> list[str | None]:
    """Return why the uploads of a session wait."""
    answer = product.tus.ask("GET", "/api/uploads", {"Drop-Session": session})
    return [upload["code"] for upload in answer.json()["uploads"]]


def test_everything_joins_the_album(immich: Immich, tmp_path: Path) -> None:
    new, old = b"new to Immich, and to the album", b"long in Immich, new to the album"
    with running(tmp_path / "plain", **immich.settings) as plain:
        plain.tus.upload(old)
        immich.wait_for(old)
    with running(tmp_path / "album", **immich.settings, IMMICH_ALBUM_NAME="Hochzeit 💍") as product:
        for data in (new, old):
            product.tus.upload(data)
        until(lambda: not product.spool, "both to be settled")
        ids = {immich.wait_for(data).id for data in (new, old)}
        albums = immich.control("GET", "state")["albums"]
    (album,) = [each for each in albums if each["name"] == "Hochzeit 💍"]
    assert set(album["assets"]) == ids


def test_a_cut_album_is_made_up_for(immich: Immich, tmp_path: Path) -> None:
    data = b"in Immich already when the album fails"
    with running(tmp_path, **immich.settings, IMMICH_ALBUM_NAME="Fest") as product:
        with immich.fault("status", match="PUT /albums/.*", status=500):
            product.tus.upload(data)
            asset = immich.wait_for(data)
            until(lambda: not product.spool, "the file to be settled")
        albums = immich.control("GET", "state")["albums"]
    (album,) = [each for each in albums if each["name"] == "Fest"]
    assert album["assets"] == [asset.id]
