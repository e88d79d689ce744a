"""Limits a host may set: what is over them is refused clearly, and what is there is safe."""

import re
import resource
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
from harness.expect import refused
from harness.immich import Immich
from harness.process import Process
from harness.product import SERVER, Product, environment, running
from harness.tus import Tus, metadata, patch_headers, sha1
from harness.wait import until
from harness.wire import Connection, Hangup, chunked, request

Limited = Callable[..., AbstractContextManager[Product]]


@pytest.fixture(name="limited")
def fixture_limited(immich: Immich, tmp_path: Path) -> Limited:
    """Return a way to run a product with some limits."""

    @contextmanager
    def limited(**settings: str) -> Iterator[Product]:
        with running(tmp_path, **immich.settings, **settings) as product:
            yield product

    return limited


def test_the_size_of_a_file(limited: Limited, immich: Immich) -> None:
    with limited(MAX_FILE_SIZE="1MB") as product:
        limit = int(product.tus.ask("OPTIONS", "/files/", {})["Tus-Max-Size"])
        assert limit == 1_000_000
        refused(product.tus.post(limit + 1), 413, "too_large")
        product.tus.upload(bytes(limit))
        immich.wait_for(bytes(limit))
        url = product.tus.create(None)
        refused(product.tus.patch(url, 0, bytes(limit + 1)), 413, "too_large")


def test_new_uploads_per_minute(limited: Limited) -> None:
    with limited(LIMIT_CREATIONS_PER_MINUTE="3") as product:
        urls = [product.tus.create(3) for _ in range(3)]
        answer = product.tus.post(3)
        refused(answer, 429, "rate_limited")
        assert 0 < int(answer["Retry-After"]) <= 60
        assert product.tus.patch(urls[0], 0, b"abc").status == 204


def test_unfinished_uploads(limited: Limited, session: str) -> None:
    with limited(LIMIT_OPEN_UPLOADS="2") as product:
        tus: Tus = product.tus
        first = tus.create(3, session=session, item="1")
        tus.create(3, session=session, item="2")
        answer = tus.post(3, metadata(filename="a.jpg", session=session, item="3"))
        refused(answer, 429, "too_many_uploads")
        assert int(answer["Retry-After"]) > 0
        assert tus.create(3, session=session, item="1") == first, "asking again is no new upload"
        tus.patch(first, 0, b"abc")
        tus.create(3, session=session, item="3")


def test_files_that_were_announced_and_left(limited: Limited, tmp_path: Path) -> None:
    """They stay for who comes back, and keep nobody out."""
    with limited(LIMIT_OPEN_UPLOADS="2") as product:
        tus: Tus = product.tus
        left, begun = tus.create(3), tus.create(3)
        tus.patch(begun, 0, b"a")
        refused(tus.post(3), 429, "too_many_uploads")
        product.stop()
        with closing(sqlite3.connect(tmp_path / "data" / "state.db")) as rows, rows:
            rows.execute("UPDATE uploads SET created_at = created_at - 660000")
        product.start()
        last = tus.create(3)
        refused(tus.post(3), 429, "too_many_uploads")
        for url, offset in ((left, 0), (begun, 1), (last, 0)):
            assert tus.patch(url, offset, b"abc"[offset:]).status == 204


def test_fifty_at_once_get_no_more_than_fifty_in_a_row(limited: Limited, session: str) -> None:
    with limited(LIMIT_OPEN_UPLOADS="7") as product:

        def attempt(item: int) -> int:
            meta = metadata(filename="a.jpg", session=session, item=str(item))
            return product.tus.post(3, meta).status

        with ThreadPoolExecutor(50) as crowd:
            statuses = list(crowd.map(attempt, range(50)))
    assert (statuses.count(201), statuses.count(429)) == (7, 43)


def test_a_length_that_is_told_late(limited: Limited, session: str) -> None:
    with limited(LIMIT_SESSION_BYTES="1000") as product:
        tus: Tus = product.tus
        tus.create(600, session=session, item="1")
        late = tus.create(None, session=session, item="2")
        more = {"Upload-Length": "600"}
        refused(tus.patch(late, 0, b"x" * 300, **more), 413, "session_full")
        assert tus.offset(late) == 0
        assert tus.patch(late, 0, b"x" * 300, **{"Upload-Length": "400"}).status == 204


def test_bytes_of_a_session(limited: Limited, session: str) -> None:
    with limited(LIMIT_SESSION_BYTES="1000") as product:
        tus: Tus = product.tus
        kept = tus.create(600, session=session, item="1")
        more = metadata(filename="a.jpg", session=session, item="2")
        refused(tus.post(600, more), 413, "session_full")
        tus.create(600, session=session[::-1], item="2")
        assert tus.patch(kept, 0, b"x" * 600).status == 204
        refused(tus.post(600, more), 413, "session_full")
        assert tus.post(400, more).status == 201


def test_free_disk(limited: Limited) -> None:
    with limited(MIN_FREE_DISK="1000000GB") as product:
        answer = product.tus.post(3)
        refused(answer, 507, "disk_full")
        assert int(answer["Retry-After"]) > 0
        assert product.tus.ask("GET", "/healthz", {}).status == 200
        assert product.tus.ask("GET", "/readyz", {}).status == 503


def test_a_disk_that_fills_up_keeps_what_it_has(limited: Limited, immich: Immich) -> None:
    data = b"the disk was full for a while"
    with limited() as product:
        url = product.tus.create(len(data))
        product.tus.patch(url, 0, data[:9])
        product.stop()
        product.start(MIN_FREE_DISK="1000000GB")
        refused(product.tus.patch(url, 9, data[9:]), 507, "disk_full")
        assert product.tus.offset(url) == 9
        product.stop()
        product.start(MIN_FREE_DISK="1MB")
        assert product.tus.patch(url, 9, data[9:]).status == 204
        immich.wait_for(data)


def test_ten_phones_cannot_overbook_the_disk(limited: Limited, tmp_path: Path) -> None:
    """Length is reserved at creation, not when the bytes come."""

    free = shutil.disk_usage(tmp_path).free
    with limited(MIN_FREE_DISK="1MB", MAX_FILE_SIZE=str(free)) as product:
        first = product.tus.create(free * 6 // 10)
        refused(product.tus.post(free * 6 // 10), 507, "disk_full")
        product.tus.delete(first)
        until(lambda: product.tus.post(free * 6 // 10).status == 201, "room again")


def test_who_only_announces_a_file_keeps_no_smaller_one_out(
    limited: Limited, tmp_path: Path
) -> None:
    """A request without a body costs nothing; with the first byte a file is taken at its word."""
    free = shutil.disk_usage(tmp_path).free
    with limited(MIN_FREE_DISK="1MB", MAX_FILE_SIZE=str(free)) as product:
        tus: Tus = product.tus
        announced = tus.create(free * 6 // 10)
        assert tus.patch(announced, 0, b"").status == 204
        sent = tus.create(free * 5 // 10)
        assert tus.patch(sent, 0, b"a first byte").status == 204
        refused(tus.patch(announced, 0, b"a first byte"), 507, "disk_full")
        tus.upload(b"a photo")


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("checked", [False, True])
def test_a_write_that_fails_keeps_what_was_written(
    product: Product, immich: Immich, framing: str, checked: bool
) -> None:
    size = 12_000_000  # half of it is more than the database ever writes to one file
    data = (f"{framing} {checked} ".encode() * size)[:size]
    url = product.tus.create(size)
    product.tus.patch(url, 0, data[:10])
    rest, headers = data[10:], {}
    if checked:
        headers["Upload-Checksum"] = sha1(rest)
    if framing == "chunked":
        headers["Transfer-Encoding"] = "chunked"
        rest = chunked(*(rest[at : at + 300_000] for at in range(0, size, 300_000)))
    product.process.limit(resource.RLIMIT_FSIZE, size // 2)
    try:
        refused(product.tus.patch(url, 10, rest, **headers), 507, "disk_full")
        offset = product.tus.offset(url)
        assert offset == (10 if checked else size // 2)
    finally:
        product.process.limit(resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
    assert product.tus.patch(url, offset, data[offset:]).status == 204
    immich.wait_for(data)


def test_more_connections_than_file_descriptors(product: Product, immich: Immich) -> None:
    """The loop must neither spin nor fill the disk with complaints, and serve again afterwards."""
    data = b"brought when the crowd had gone"
    urls = [product.tus.create(10) for _ in range(30)]
    room = len(list(Path(f"/proc/{product.process.pid}/fd").iterdir())) + 10
    before, (_, enough) = len(product.log), resource.getrlimit(resource.RLIMIT_NOFILE)
    product.process.limit(resource.RLIMIT_NOFILE, room)
    try:
        with ExitStack() as crowd:
            for url in urls:
                guest = crowd.enter_context(Connection(product.address, timeout=1))
                headers = patch_headers(0, **{"Content-Length": "10"})
                guest.send(request("PATCH", url, headers) + b"x")
            with suppress(TimeoutError, Hangup):
                guest.response(to="PATCH")
    finally:
        product.process.limit(resource.RLIMIT_NOFILE, enough)
    assert len(product.log) - before < 50_000
    product.tus.upload(data)
    immich.wait_for(data)


@pytest.mark.parametrize("files", [64, 128])
def test_a_system_that_allows_few_open_files(immich: Immich, tmp_path: Path, files: int) -> None:
    """Some get in, the host is told why not all, and when they leave there is room again."""
    data = f"one of few guests, {files}".encode()
    start = f'ulimit -n {files}; exec "$0" "$1"'
    process = Process(
        ["/bin/sh", "-c", start, sys.executable, str(SERVER)],
        env=environment(immich.settings),
        cwd=tmp_path,
    )
    try:
        tus = Tus(process.address())
        with ExitStack() as crowd:
            for _ in range(files):
                crowd.enter_context(tus.connect())
            process.wait_for(re.compile(r"refused: all \d+ places are taken"))
        until(lambda: lets_in(tus), "room")
        tus.upload(data)
        immich.wait_for(data)
        assert f"only {files} files may be open" in process.log
        assert process.stop() == 0
    finally:
        process.kill()


def lets_in(tus: Tus) -> bool:
    """Tell whether there is a place for one more guest."""
    with suppress(Hangup):
        return tus.ask("GET", "/healthz", {}).status == 200
    return False
