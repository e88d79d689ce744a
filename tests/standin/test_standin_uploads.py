"""Files get to disk whole, streamed, under names that stay in the folder, or not at all."""

import asyncio
import hashlib
import json
import os
import tracemalloc
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from harness.wait import eventually
from standin_client import FIELDS, FORM, Client, MiB, connect, form, sha1
from tornado.httpclient import HTTPRequest

from immich_drop.standin import StandIn
from immich_drop.standin.multipart import Event, Field, FileData, FileEnd, FileStart, FormParser

PARTS = (
    b'preamble\r\n--B\r\nContent-Disposition: form-data; name="n"\r\n\r\nv\xc3\xbc\r\n'
    b'--B\r\ncontent-disposition: form-data; name="f"; filename="x.jpg"\r\n\r\n'
    b"\r\n--not\r\r\n-\r\n"
    b'\r\n--B\r\nContent-Disposition: form-data; name="e"; filename="e.jpg"\r\n\r\n'
    b"\r\n--B--\r\nepilogue"
)


def events(pieces: list[bytes]) -> list[Event]:
    """Parse pieces of a form; a file's data is joined."""
    parser = FormParser("multipart/form-data; boundary=B")
    joined: list[Event] = []
    for event in (event for piece in pieces for event in parser.feed(piece)):
        if joined and isinstance(event, FileData) and isinstance(joined[-1], FileData):
            joined[-1] = FileData(joined[-1].data + event.data)
        else:
            joined.append(event)
    parser.close()
    return joined


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, len(PARTS)])
def test_a_form_is_read_the_same_in_pieces_of_any_size(size: int) -> None:
    assert events([PARTS[start : start + size] for start in range(0, len(PARTS), size)]) == [
        Field(name="n", value="vü"),
        FileStart(field="f", name="x.jpg"),
        FileData(b"\r\n--not\r\r\n-\r\n"),
        FileEnd(),
        FileStart(field="e", name="e.jpg"),
        FileEnd(),
    ]


@pytest.mark.gen_test(timeout=20)
async def test_a_big_file_is_streamed_while_others_are_served(
    standin: StandIn, client: Client
) -> None:
    count, piece = 48, os.urandom(MiB)
    start, end = form(b"|", "big.mp4").split(b"|")
    reader, writer = await connect(standin, len(start) + count * MiB + len(end))
    tracemalloc.start()
    for number, data in enumerate([start, *[piece] * count]):
        writer.write(data)
        await writer.drain()
        if number % 16 == 0:
            assert (await client.call("GET", "/server/ping")).code == 200
    writer.write(end)
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 201 ")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    writer.close()
    (asset,) = standin.assets
    assert (asset.size, asset.checksum.hex()) == (count * MiB, sha1(piece * count))
    assert (standin.library.folder / "big.mp4").stat().st_size == count * MiB
    assert peak < 8 * MiB


@pytest.mark.gen_test
async def test_the_folder_has_the_files_and_a_listing(standin: StandIn, client: Client) -> None:
    first = await client.uploaded(b"one", "Süß 🎉.jpg")
    second = await client.uploaded(b"two", "Süß 🎉.jpg")
    folder = standin.library.folder
    assert (folder / "Süß 🎉.jpg").read_bytes() == b"one"
    assert (folder / "Süß 🎉 (2).jpg").read_bytes() == b"two"
    assert (folder / "Süß 🎉.jpg").stat().st_mtime == 1783196130
    assert (folder / "listing.tsv").read_text("utf-8").splitlines() == [
        "name\tsha1\tsize\tfileCreatedAt\tid",
        f"Süß 🎉.jpg\t{sha1(b'one')}\t3\t2026-07-04T20:15:30.000Z\t{first}",
        f"Süß 🎉.jpg\t{sha1(b'two')}\t3\t2026-07-04T20:15:30.000Z\t{second}",
    ]


@pytest.mark.gen_test
async def test_no_name_leads_out_of_the_folder(standin: StandIn, client: Client) -> None:
    body = form(b"x", "a.jpg", {"filename": "../../out.jpg", **FIELDS})
    answer = await client.call("POST", "/assets", body, **{"Content-Type": FORM})
    assert answer.code == 201
    assert standin.assets[0].file == ".._.._out.jpg"


@pytest.mark.gen_test
async def test_one_file_by_four_connections_is_one_asset(standin: StandIn, client: Client) -> None:
    answers = await asyncio.gather(*(client.upload(b"same") for _ in range(4)))
    assert sorted(answer.code for answer in answers) == [200, 200, 200, 201]
    assert {json.loads(answer.body)["id"] for answer in answers} == {standin.assets[0].id}
    assert len(standin.assets) == 1


@pytest.mark.gen_test
async def test_a_chunked_body_is_read_too(standin: StandIn, client: Client) -> None:
    async def produce(write: Any) -> None:
        for start in range(0, len(body), 100):
            await write(body[start : start + 100])

    body = form(os.urandom(1000))
    headers = {"x-api-key": standin.key, "Content-Type": FORM}
    url = standin.url + "/assets"
    request = HTTPRequest(url, method="POST", headers=headers, body_producer=produce)
    assert (await client.http.fetch(request)).code == 201


@pytest.mark.gen_test
async def test_a_client_that_goes_away_leaves_nothing(standin: StandIn) -> None:
    body = form(os.urandom(2 * MiB))
    _, writer = await connect(standin, len(body))
    writer.write(body[:MiB])
    await eventually(lambda: any(standin.library.incoming.iterdir()))
    writer.transport.abort()
    await eventually(lambda: standin.exchanges)
    assert standin.exchanges[0].status == 0
    assert not any(standin.library.incoming.iterdir())
    assert not standin.assets


@pytest.mark.gen_test
async def test_an_original_comes_back_whole_or_in_part(client: Client) -> None:
    asset = await client.uploaded(b"0123456789")
    whole = await client.call("GET", f"/assets/{asset}/original")
    assert (whole.code, whole.body) == (200, b"0123456789")
    part = await client.call("GET", f"/assets/{asset}/original", Range="bytes=2-4")
    assert (part.code, part.body) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"


@pytest.mark.parametrize(("count", "status"), [(0, 500), (1, 200), (65_535, 200), (65_536, 500)])
@pytest.mark.gen_test
async def test_a_bulk_check_is_as_long_as_a_statement_may_be(
    client: Client, count: int, status: int
) -> None:
    asked = {"assets": [{"id": "1", "checksum": "0" * 40}] * count}
    assert (await client.call("POST", "/assets/bulk-upload-check", asked)).code == status


@pytest.mark.gen_test
async def test_what_is_deleted_for_good_vanishes_with_the_jobs(
    standin: StandIn, client: Client
) -> None:
    asset = await client.uploaded(b"x")
    await client.json("POST", "/albums", {"albumName": "A", "assetIds": [asset]})
    assert (await client.call("DELETE", "/assets", {"ids": [asset], "force": True})).code == 204
    assert (await client.upload(b"x")).code == 200
    standin.run_jobs()
    assert standin.album("A").assets == []
    assert not (standin.library.folder / "a.jpg").exists()
    assert len((standin.library.folder / "listing.tsv").read_text().splitlines()) == 1
    assert (await client.upload(b"x")).code == 201


@pytest.mark.gen_test
async def test_an_external_library_is_for_the_check_only(standin: StandIn, client: Client) -> None:
    await client.upload(b"x")
    digest = hashlib.sha1(b"y").digest()
    external = replace(standin.assets[0], id=str(uuid4()), library="nas", checksum=digest)
    standin.library.save(external)
    assert (await client.check(b"y"))["assetId"] == external.id
    assert (await client.upload(b"y")).code == 201


@pytest.mark.gen_test
async def test_what_lies_in_the_trash_comes_back(client: Client) -> None:
    asset = await client.uploaded(b"x")
    await client.call("DELETE", "/assets", {"ids": [asset]})
    assert (await client.check(b"x"))["isTrashed"] is True
    assert json.loads((await client.upload(b"x")).body) == {"status": "duplicate", "id": asset}
    assert await client.json("POST", "/trash/restore/assets", {"ids": [asset]}) == {"count": 1}
    assert (await client.check(b"x"))["isTrashed"] is False


@pytest.mark.gen_test
async def test_what_is_being_deleted_for_good_does_not(client: Client) -> None:
    asset = await client.uploaded(b"x")
    await client.call("DELETE", "/assets", {"ids": [asset], "force": True})
    assert await client.json("POST", "/trash/restore/assets", {"ids": [asset]}) == {"count": 1}
    assert (await client.check(b"x"))["isTrashed"] is True
