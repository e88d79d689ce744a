"""What goes wrong on request, when, and how often."""

import asyncio
import json
from contextlib import suppress

import pytest
from harness.wait import eventually
from standin_client import Client, MiB, connect, form, read_answer, send_all
from tornado.httpclient import HTTPClientError

from immich_drop.standin import Fault, Kind, StandIn
from immich_drop.standin.faults import FaultPlan
from immich_drop.standin.wire import Release, Version

LOST = (HTTPClientError, ConnectionError)


@pytest.mark.gen_test
async def test_a_fault_strikes_as_often_as_it_says(standin: StandIn, client: Client) -> None:
    standin.faults.add(Fault(kind=Kind.STATUS, status=500, times=2))
    codes = [(await client.upload(bytes([number]))).code for number in range(4)]
    assert codes == [500, 500, 201, 201]


@pytest.mark.gen_test
async def test_a_fault_strikes_until_it_is_cleared(standin: StandIn, client: Client) -> None:
    standin.faults.add(Fault(kind=Kind.STATUS, match=r"GET /server/.*", status=503, times=None))
    for _ in range(3):
        assert (await client.call("GET", "/server/ping")).code == 503
    assert (await client.call("GET", "/albums")).code == 200
    standin.faults.clear()
    assert (await client.call("GET", "/server/ping")).code == 200


def test_chance_is_the_same_in_every_run() -> None:
    def struck(seed: int) -> list[bool]:
        plan = FaultPlan(seed)
        plan.add(Fault(kind=Kind.QUOTA, times=None, probability=0.3))
        return [bool(plan.draw("POST /assets")) for _ in range(200)]

    assert struck(1) == struck(1) != struck(2)
    assert 30 < sum(struck(1)) < 90


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (Fault(kind=Kind.STATUS, status=401, message="Invalid API key"), 401, "Invalid API key"),
        (Fault(kind=Kind.MAINTENANCE), 404, "Cannot POST /api/assets"),
        (Fault(kind=Kind.QUOTA), 400, "Quota has been exceeded!"),
        (Fault(kind=Kind.ERROR_BEFORE_INSERT), 500, "Failed to upload asset"),
    ],
)
@pytest.mark.gen_test
async def test_immich_refuses(
    standin: StandIn, client: Client, fault: Fault, status: int, said: str
) -> None:
    standin.faults.add(fault)
    answer = await client.upload(b"x")
    assert (answer.code, json.loads(answer.body)["message"]) == (status, said)
    assert not standin.assets
    assert not any(standin.library.incoming.iterdir())
    assert (await client.upload(b"x")).code == 201


@pytest.mark.parametrize("status", [413, 502, 200])
@pytest.mark.gen_test
async def test_a_page_comes_in_place_of_json(standin: StandIn, client: Client, status: int) -> None:
    standin.faults.add(Fault(kind=Kind.HTML, status=status))
    answer = await client.upload(b"x")
    assert (answer.code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!DOCTYPE html>")
    assert not standin.assets


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.gen_test
async def test_a_redirect_leads_elsewhere(standin: StandIn, client: Client, status: int) -> None:
    standin.faults.add(Fault(kind=Kind.REDIRECT, status=status, location="http://127.0.0.1:9/x"))
    answer = await client.upload(b"x")
    assert (answer.code, answer.headers["Location"]) == (status, "http://127.0.0.1:9/x")


@pytest.mark.gen_test
async def test_an_answer_is_lost_and_the_asset_is_there(standin: StandIn, client: Client) -> None:
    standin.faults.add(Fault(kind=Kind.LOSE_ANSWER))
    with pytest.raises(LOST):
        await client.upload(b"x")
    assert standin.exchanges[-1].status == 0
    assert (await client.upload(b"x")).code == 200
    assert len(standin.assets) == 1


@pytest.mark.parametrize(("version", "kept"), [((2, 7, 5), True), ((3, 1, 0), False)])
@pytest.mark.gen_test
async def test_an_upload_that_fails_after_the_insert_leaves_an_orphan_before(
    standin: StandIn, client: Client, version: Version, kept: bool
) -> None:
    standin.release = Release.of(version)
    standin.faults.add(Fault(kind=Kind.ERROR_AFTER_INSERT))
    assert (await client.upload(b"x")).code == 500
    assert ((await client.check(b"x"))["action"] == "reject") == kept
    again = await client.upload(b"x")
    assert again.code == (200 if kept else 201)
    asset = json.loads(again.body)["id"]
    described = await client.json("GET", f"/assets/{asset}")
    assert ("exifInfo" not in described) == kept
    original = await client.call("GET", f"/assets/{asset}/original")
    assert original.code == (404 if kept else 200)


@pytest.mark.gen_test
async def test_the_twin_lies_in_the_trash(standin: StandIn, client: Client) -> None:
    standin.faults.add(Fault(kind=Kind.TRASHED_TWIN))
    answer = json.loads((await client.upload(b"x")).body)
    assert answer == {"status": "duplicate", "id": standin.assets[0].id}
    assert (await client.check(b"x"))["isTrashed"] is True


@pytest.mark.gen_test
async def test_the_connection_is_cut_in_the_body(standin: StandIn) -> None:
    standin.faults.add(Fault(kind=Kind.CUT_BODY, after=MiB))
    body = form(bytes(8 * MiB))
    _, writer = await connect(standin, len(body))
    with pytest.raises(ConnectionError):
        await send_all(writer, body)
    await eventually(lambda: standin.exchanges)
    assert MiB <= standin.exchanges[0].received < 2 * MiB
    assert not any(standin.library.incoming.iterdir())
    writer.close()


@pytest.mark.gen_test
async def test_reading_stops_in_the_body_until_the_fault_is_cleared(standin: StandIn) -> None:
    standin.faults.add(Fault(kind=Kind.HANG_BODY, after=MiB))
    size = 64 * MiB
    body = form(bytes(size))
    reader, writer = await connect(standin, len(body))
    writer.write(body)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(writer.drain(), 0.3)
    assert not standin.exchanges
    standin.faults.clear()
    assert (await read_answer(reader))[0] == 201
    writer.close()


@pytest.mark.gen_test
async def test_a_body_that_comes_after_the_fault_was_cleared_is_read(standin: StandIn) -> None:
    standin.faults.add(Fault(kind=Kind.HANG_BODY))
    body = form(b"late")
    reader, writer = await connect(standin, len(body))
    await eventually(lambda: not standin.faults.faults)
    standin.faults.clear()
    writer.write(body)
    assert (await asyncio.wait_for(read_answer(reader), 5))[0] == 201
    writer.close()


@pytest.mark.gen_test
async def test_a_body_is_read_slowly_and_an_answer_comes_late(
    standin: StandIn, client: Client
) -> None:
    standin.faults.add(
        Fault(kind=Kind.SLOW_BODY, rate=10 * MiB), Fault(kind=Kind.SLOW_ANSWER, seconds=0.1)
    )
    loop = asyncio.get_running_loop()
    start = loop.time()
    assert (await client.upload(bytes(MiB))).code == 201
    assert loop.time() - start > 0.2


@pytest.mark.gen_test
async def test_an_upload_takes_its_time(standin: StandIn, client: Client) -> None:
    standin.service_time = 0.1
    loop = asyncio.get_running_loop()
    start = loop.time()
    assert (await client.call("GET", "/server/ping")).code == 200
    assert loop.time() - start < 0.1
    assert (await client.upload(b"x")).code == 201
    assert loop.time() - start > 0.1


@pytest.mark.gen_test
async def test_down_means_refused_and_up_on_the_same_port(standin: StandIn, client: Client) -> None:
    asset = await client.uploaded(b"x")
    reader, writer = await connect(standin, MiB)
    await standin.down()
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    with pytest.raises(ConnectionRefusedError):
        await connect(standin, 0)
    standin.up()
    assert json.loads((await client.upload(b"x")).body)["id"] == asset
    writer.close()


@pytest.mark.gen_test
async def test_a_request_brings_it_down_for_a_while(standin: StandIn, client: Client) -> None:
    standin.faults.add(Fault(kind=Kind.DOWN, seconds=0.7))
    with pytest.raises(LOST):
        await client.upload(b"x")
    with pytest.raises(ConnectionRefusedError):
        await connect(standin, 0)
    await eventually(lambda: standin.listening)
    assert (await client.upload(b"x")).code == 201
