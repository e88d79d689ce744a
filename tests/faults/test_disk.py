"""A disk that is full, read-only, gone, slow, broken: said clearly, survived, gone on by itself."""

import os
import resource
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.product import Product, launch, running
from harness.tus import patch_headers, path_of
from harness.wait import until
from harness.wire import request

from faults.disks import filled, has_strace, may_mount, memory_disk, run, tampered

MEGABYTE = 1 << 20


@contextmanager
def on_a_disk(
    immich: Immich, tmp_path: Path, *, megabytes: int = 16, **settings: str
) -> Iterator[tuple[Product, Path]]:
    """Run a product whose spool is a disk of its own."""
    with memory_disk(tmp_path / "spool", megabytes=megabytes) as disk:
        own = {"SPOOL_DIR": str(disk), "MIN_FREE_DISK": "0", **immich.settings, **settings}
        with running(tmp_path / "product", **own) as product:
            yield product, disk


def health(product: Product) -> dict[str, str]:
    return product.tus.ask("GET", "/readyz", {}).json()


@may_mount
@pytest.mark.parametrize("database_too", [False, True])
def test_full(immich: Immich, tmp_path: Path, database_too: bool) -> None:
    """Somebody else fills it in the middle of a file; what came stays, the rest follows."""
    data = f"a disk that fills up, {database_too=} ".encode() * 150_000
    half = len(data) // 2
    own = {"STATE_DB": str(tmp_path / "spool" / "state.db")} if database_too else {}
    with on_a_disk(immich, tmp_path, **own) as (product, disk):
        tus = product.tus
        url = tus.create(len(data))
        assert tus.patch(url, 0, data[:half]).status == 204
        small = tus.create(10)
        with filled(disk, leave=0):
            for _ in range(2):
                refused(tus.patch(url, half, data[half:]), 507, "disk_full")
                assert tus.offset(url) >= half, "the last page had room"
                half = tus.offset(url)
            if (answer := tus.post(3)).status != 201:
                refused(answer, 503 if database_too else 507)
                assert int(answer["Retry-After"]) > 0
            refused(tus.patch(small, 0, b"0123456789"), 507, "disk_full")
            assert tus.ask("GET", "/healthz", {}).status == 200
        until(lambda: tus.patch(url, half, data[half:]).status == 204, "room again")
        until(lambda: tus.patch(small, 0, b"0123456789").status == 204, "room again")
        immich.wait_for(data)
        immich.wait_for(b"0123456789")


@may_mount
def test_full_in_the_middle_of_one_request(immich: Immich, tmp_path: Path) -> None:
    """Free space is looked at once a second; a faster disk says so itself; what it took stays."""
    data = os.urandom(8 * MEGABYTE)
    with on_a_disk(immich, tmp_path) as (product, disk):
        tus = product.tus
        url = tus.create(len(data))
        with tus.connect() as connection:
            headers = patch_headers(0, **{"Content-Length": str(len(data))})
            connection.send(request("PATCH", url, headers) + data[:MEGABYTE])
            connection.settle()
            place = disk / url.rpartition("/")[2]
            until(lambda: place.exists() and place.stat().st_size == MEGABYTE, "on disk")
            with filled(disk, leave=MEGABYTE):
                connection.send(data[MEGABYTE:])
                refused(connection.response(to="PATCH"), 507, "disk_full")
                offset = tus.offset(url)
                assert MEGABYTE <= offset <= 2 * MEGABYTE
        until(lambda: tus.patch(url, offset, data[offset:]).status == 204, "room again")
        immich.wait_for(data)


@may_mount
def test_phones_at_once_leave_the_host_its_share(immich: Immich, tmp_path: Path) -> None:
    least, size = 6 * MEGABYTE, 3 * MEGABYTE
    limits = {"MIN_FREE_DISK": str(least)}
    with on_a_disk(immich, tmp_path, **limits) as (product, disk):
        files = [os.urandom(size) for _ in range(8)]
        with immich.held(), ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: product.tus.post(size), files))
            assert sorted(answer.status for answer in answers) == [201] * 3 + [507] * 5
            urls = [path_of(answer["Location"]) for answer in answers if answer.status == 201]
            ends = pool.map(product.tus.patch, urls, [0, 0, 0], files)
            assert [answer.status for answer in ends] == [204] * 3
            assert shutil.disk_usage(disk).free >= least
        for data in files[:3]:
            immich.wait_for(data)


@may_mount
def test_read_only(immich: Immich, tmp_path: Path) -> None:
    data = b"the disk is read-only for a while " * 10_000
    with on_a_disk(immich, tmp_path) as (product, disk):
        tus = product.tus
        url = tus.create(len(data))
        assert tus.patch(url, 0, data[:1000]).status == 204
        run("mount", "-o", "remount,ro", str(disk))
        refused(tus.patch(url, 1000, data[1000:]), 503, "unavailable")
        assert health(product)["spool"] == "unavailable"
        assert tus.offset(url) == 1000
        run("mount", "-o", "remount,rw", str(disk))
        assert tus.patch(url, 1000, data[1000:]).status == 204
        immich.wait_for(data)


def test_gone_and_back(immich: Immich, tmp_path: Path) -> None:
    """A disk is unplugged: nothing is begun anew in its place, and all goes on when it is back."""
    part, whole = b"half of it is on the disk " * 9000, b"all of it is on the disk " * 9000
    with running(tmp_path, **immich.settings) as product:
        tus, spool, away = product.tus, tmp_path / "data" / "spool", tmp_path / "away"
        url = tus.create(len(part))
        assert tus.patch(url, 0, part[:1000]).status == 204
        with immich.held():
            tus.upload(whole)
            spool.rename(away)
            refused(tus.patch(url, 1000, part[1000:]), 503, "unavailable")
            assert tus.head(url).status == 503, "it is not known to stand at 0"
            assert health(product)["spool"] == "unavailable"
            assert not spool.exists()
            assert tus.ask("GET", "/healthz", {}).status == 200
        away.rename(spool)
        assert tus.offset(url) == 1000
        assert health(product)["spool"] == "ok"
        assert tus.patch(url, 1000, part[1000:]).status == 204
        immich.wait_for(part)
        immich.wait_for(whole)


def test_not_mounted_while_a_file_is_half_here(immich: Immich, tmp_path: Path) -> None:
    with running(tmp_path, **immich.settings) as product:
        url = product.tus.create(10)
        assert product.tus.patch(url, 0, b"01234").status == 204
        product.stop()
        spool, away = tmp_path / "data" / "spool", tmp_path / "away"
        spool.rename(away)
        refusal = launch(tmp_path, product.settings)
        assert refusal.exit_code() == 2
        assert "is its disk mounted" in refusal.log
        away.rename(spool)
        product.start()
        assert product.tus.offset(url) == 5


@pytest.mark.parametrize("mount_point", [False, True])
def test_not_mounted_at_the_start(immich: Immich, tmp_path: Path, mount_point: bool) -> None:
    """Without a folder it does not start; an empty one may be right, so its files only wait."""
    data = f"on a disk that comes up late, {mount_point=}".encode()
    with running(tmp_path, **immich.settings) as product:
        spool, away = tmp_path / "data" / "spool", tmp_path / "away"
        with immich.held():
            product.tus.upload(data)
            product.stop()
        spool.rename(away)
        if mount_point:
            spool.mkdir()
            product.start()
            until(lambda: "the spool lacks 1 files" in product.log, "the host to be told")
            until(lambda: "waits: spool_missing" in product.log, "the delivery to wait")
            product.stop()
            spool.rmdir()
        refusal = launch(tmp_path, product.settings)
        assert refusal.exit_code() == 2
        assert "is its disk mounted" in refusal.log
        assert not spool.exists()
        away.rename(spool)
        product.start()
        immich.wait_for(data)


def test_a_limit_of_the_system(product: Product, immich: Immich) -> None:
    """As with a quota, a write ends in the middle; the process must not be killed by a signal."""
    data = os.urandom(3 * MEGABYTE)
    url = product.tus.create(len(data))
    _, hard = resource.prlimit(product.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(product.process.pid, resource.RLIMIT_FSIZE, (MEGABYTE, hard))
    refused(product.tus.patch(url, 0, data), 507, "disk_full")
    offset = product.tus.offset(url)
    assert offset == MEGABYTE
    resource.prlimit(product.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert product.tus.patch(url, offset, data[offset:]).status == 204
    immich.wait_for(data)


@has_strace
class TestSystemCalls:
    @pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
    def test_that_fail(self, product: Product, immich: Immich, call: str) -> None:
        """An error of the disk is answered, and only what is proven is acknowledged."""
        data = f"{call} fails ".encode() * 20_000
        url = product.tus.create(len(data))
        assert product.tus.patch(url, 0, data[:1000]).status == 204
        with tampered(product.process.pid, f"{call}:error=EIO"):
            refused(product.tus.patch(url, 1000, data[1000:]), 503, "unavailable")
            assert not immich.assets(data)
        offset = product.tus.offset(url)
        if offset < len(data):
            assert product.tus.patch(url, offset, data[offset:]).status == 204
        immich.wait_for(data)

    @pytest.mark.parametrize("calls", ["fdatasync,ftruncate", "fsync,ftruncate"])
    def test_that_fail_together(self, product: Product, immich: Immich, calls: str) -> None:
        """What a failed fsync may have lost is distrusted, though it could not be cut off."""
        data = f"{calls} fail ".encode() * 20_000
        url = product.tus.create(len(data))
        assert product.tus.patch(url, 0, data[:1000]).status == 204
        with tampered(product.process.pid, f"{calls}:error=EIO:when=1"):
            refused(product.tus.patch(url, 1000, data[1000:]), 503, "unavailable")
        assert product.tus.offset(url) == 0, "a second fsync would not tell"
        assert product.tus.patch(url, 0, data).status == 204
        immich.wait_for(data)

    def test_that_take_long(self, product: Product, immich: Immich) -> None:
        """Whoever waits for a slow disk waits alone."""
        data = b"an SD card at its limit"
        url = product.tus.create(len(data))
        with (
            tampered(product.process.pid, "fdatasync:delay_enter=500000:when=1"),
            ThreadPoolExecutor(1) as pool,
        ):
            started, answers = time.monotonic(), 0
            slow = pool.submit(product.tus.patch, url, 0, data)
            while not slow.done():
                assert product.tus.ask("GET", "/healthz", {}).status == 200
                answers += 1
            assert answers > 5, "the others were answered meanwhile"
            assert slow.result().status == 204
            assert time.monotonic() - started > 0.45, "received is not said before it is so"
        immich.wait_for(data)
