"""Kill -9 at every point where it could hurt: nothing lost, nothing twice, nothing left behind.

One test for each row of the crash table in docs/architecture.md, but for uploads that were given up
(`unit/test_sweep.py`). What happens between two system calls cannot be hit from outside; there the
test lays out the disk as such a death leaves it.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.product import Product, running
from harness.tus import Tus, patch_headers
from harness.wait import until
from harness.wire import request


@pytest.fixture(name="product")
def fixture_product(immich: Immich, tmp_path: Path) -> Iterator[Product]:
    """A product of one's own to kill; at the end all is delivered and nothing is left."""
    with running(tmp_path, **immich.settings) as product:
        yield product
        until(lambda: not product.spool, "the spool to be empty")


def spooled(product: Product) -> Path:
    """Return the one file of the spool."""
    (path,) = product.spool
    return path


def interrupted(tus: Tus, product: Product, url: str, data: bytes, *, sent: int) -> None:
    """Kill the product in the middle of a PATCH, when bytes of it are on disk."""
    with tus.connect() as connection:
        headers = patch_headers(0, **{"Content-Length": str(len(data))})
        connection.send(request("PATCH", url, headers) + data[:sent])
        until(lambda: any(path.stat().st_size for path in product.spool), "bytes on disk")
        product.kill()


def test_after_append_before_the_answer(tus: Tus, product: Product, immich: Immich) -> None:
    data = b"more is on disk than the client knows " * 50_000
    url = tus.create(len(data))
    interrupted(tus, product, url, data, sent=len(data) - 1)
    on_disk = spooled(product).stat().st_size
    product.start()
    assert tus.offset(url) == on_disk
    assert tus.patch(url, on_disk, data[on_disk:]).status == 204
    immich.wait_for(data)


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_after_the_last_fsync_before_the_move(
    tus: Tus, product: Product, immich: Immich, named: bool, asked: bool
) -> None:
    """Whether the guest comes back or not."""
    data = f"all of it is on disk, the row says receiving, {named=} {asked=}".encode()
    sha1 = {"sha1": hashlib.sha1(data).hexdigest()} if named else {}
    url = tus.create(len(data), **sha1)
    tus.patch(url, 0, data[:10])
    product.kill()
    with spooled(product).open("ab") as file:
        file.write(data[10:])
    product.start()
    if asked:
        assert tus.offset(url) == len(data)
    immich.wait_for(data)


def test_while_bytes_go_to_immich(tus: Tus, product: Product, immich: Immich) -> None:
    data = b"half of this is with Immich when the product dies " * 100_000
    with immich.fault("hang_body", after=1_000_000):
        tus.upload(data)
        until(immich.under_way, "the delivery to begin")
        product.kill()
    product.start()
    immich.wait_for(data)


def test_after_immichs_answer_before_the_row(tus: Tus, product: Product, immich: Immich) -> None:
    data = b"Immich has it, and nobody here knows"
    with immich.fault("slow_answer", seconds=60):
        tus.upload(data)
        asset = immich.wait_for(data)
        assert spooled(product).stat().st_size == len(data), "verified only by the answer"
        product.kill()
    product.start()
    until(lambda: not product.spool, "the file to be settled")
    assert immich.wait_for(data).id == asset.id


def test_after_the_row_before_the_file_is_deleted(
    tus: Tus, product: Product, immich: Immich
) -> None:
    data = b"settled, but the file is still there"
    with immich.held():
        tus.upload(data)
        path = spooled(product)
    asset = immich.wait_for(data)
    until(lambda: not product.spool, "the file to be settled")
    product.kill()
    path.write_bytes(data)
    product.start()
    until(lambda: not path.exists(), "the file to be deleted")
    assert immich.wait_for(data).id == asset.id


def test_a_file_without_a_row_is_left_alone(tus: Tus, product: Product, immich: Immich) -> None:
    """The row comes first, so the database is not the one that knew it: lost, or an older one."""
    data = b"this one has a row, the other has none"
    url = tus.create(len(data))
    id_ = url.rpartition("/")[2]
    tus.patch(url, 0, data[:10])
    orphan = Path(str(spooled(product)).replace(id_, id_[::-1]))
    product.kill()
    orphan.write_bytes(b"x" * 100)
    product.start()
    assert tus.patch(url, 10, data[10:]).status == 204
    immich.wait_for(data)
    assert "1 files the database does not know" in product.log
    orphan.unlink()


@pytest.mark.parametrize("full", [True, False], ids=["all on disk", "half on disk"])
def test_a_power_cut_that_took_the_tail(
    tus: Tus, product: Product, immich: Immich, full: bool
) -> None:
    """The size is on disk and the bytes are not: file systems do that."""
    data = f"the tail of this is zeros after the power cut, {full=}".encode() * 1000
    url = tus.create(len(data), sha1=hashlib.sha1(data).hexdigest())
    half = len(data) // 2
    tus.patch(url, 0, data[:half])
    product.kill()
    path = spooled(product)
    with path.open("r+b") as file:
        file.seek(half - 1000)
        file.write(bytes(1000 + (len(data) - half if full else 0)))
    product.start()
    offset = tus.offset(url)
    if offset < len(data) and not full:
        refused(tus.patch(url, offset, data[offset:]), 460, "checksum_mismatch")
    assert not immich.assets(path.read_bytes() if path.exists() else b"")
    start = tus.offset(url)
    assert start <= half - 1000, "only what is proven counts"
    assert tus.patch(url, start, data[start:]).status == 204
    immich.wait_for(data)


def test_a_chunk_whose_checksum_was_never_proven(
    tus: Tus, product: Product, immich: Immich
) -> None:
    data = b"half of a chunk, and its checksum can never be computed " * 20_000
    url = tus.create(len(data))
    assert tus.patch(url, 0, data[:1000]).status == 204
    with tus.connect() as connection:
        more = {"Upload-Checksum": "sha1 " + "A" * 27 + "=", "Content-Length": "1000000"}
        connection.send(request("PATCH", url, patch_headers(1000, **more)) + b"?" * 900_000)
        until(lambda: spooled(product).stat().st_size > 1000, "bytes on disk")
        product.kill()
    product.start()
    assert tus.offset(url) == 1000
    assert tus.patch(url, 1000, data[1000:]).status == 204
    immich.wait_for(data)


def test_everything_a_client_knew_is_still_known(
    tus: Tus, product: Product, immich: Immich, session: str
) -> None:
    data = b"metadata, length and item survive"
    url = tus.create(len(data), filename="Grüße.jpg", session=session, item="7")
    late = tus.create(None, filename="late.jpg")
    gone = tus.create(5)
    tus.delete(gone)
    before = tus.head(url)
    product.crash()
    after = tus.head(url)
    assert after["Upload-Metadata"] == before["Upload-Metadata"]
    assert after["Upload-Length"] == before["Upload-Length"]
    assert tus.head(late)["Upload-Defer-Length"] == "1"
    assert tus.head(gone).status == 404
    assert tus.create(len(data), filename="Grüße.jpg", session=session, item="7") == url
    tus.patch(url, 0, data)
    tus.delete(late)
    assert immich.wait_for(data).name == "Grüße.jpg"


def test_again_and_again(tus: Tus, product: Product, immich: Immich) -> None:
    """The product dies whenever it has just been told something."""
    files = [f"file {number} ".encode() * 30_000 for number in range(4)]
    urls = [tus.create(len(data)) for data in files]
    for _ in range(3):
        product.crash()
        for url, data in zip(urls, files, strict=True):
            offset = tus.offset(url)
            assert tus.patch(url, offset, data[offset : offset + 120_000]).status == 204
    for data in files:
        immich.wait_for(data)


def test_immich_dies_too(tus: Tus, product: Product, immich: Immich) -> None:
    data = b"Immich took it, lost its answer, and was gone for a while"
    with immich.fault("lose_answer"):
        tus.upload(data)
        asset = immich.wait_for(data)
    product.crash()
    until(lambda: not product.spool, "the file to be settled")
    assert immich.wait_for(data).id == asset.id
