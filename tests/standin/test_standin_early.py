"""Answers that come before the body, and what becomes of the connection."""

import pytest
from standin_client import (
    BOUNDARY,
    Client,
    MiB,
    connect,
    form,
    read_answer,
    send_all,
    send_head,
    sha1,
)

from immich_drop.standin import StandIn
from immich_drop.standin.wire import Release


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"x-api-key": "wrong"}, 401, b"Invalid API key"),
        ({"x-api-key": "little"}, 403, b"Missing required permission: asset.upload"),
        ({"x-immich-checksum": sha1(b"here")}, 200, b'"status":"duplicate"'),
    ],
)
@pytest.mark.gen_test
async def test_an_early_answer_comes_without_a_byte_of_the_body(
    standin: StandIn, client: Client, headers: dict[str, str], status: int, said: bytes
) -> None:
    standin.library.add_key("little", standin.user, ["album.read"])
    await client.upload(b"here")
    reader, writer = await connect(standin, 64 * MiB, Connection="close", **headers)
    code, fields, body = await read_answer(reader)
    assert (code, fields["connection"]) == (status, "close")
    assert said in body
    assert await reader.read() == b""
    assert standin.exchanges[-1].received == 0
    writer.close()


@pytest.mark.gen_test
async def test_with_connection_close_whoever_goes_on_sending_is_cut_off(standin: StandIn) -> None:
    _, writer = await connect(standin, 64 * MiB, Connection="close", **{"x-api-key": "wrong"})
    with pytest.raises(ConnectionError):
        await send_all(writer, bytes(64 * MiB))
    writer.close()


@pytest.mark.gen_test
async def test_with_keep_alive_the_body_is_drained_and_the_connection_serves_on(
    standin: StandIn, client: Client
) -> None:
    await client.upload(b"here")
    reader, writer = await connect(standin, 8 * MiB, **{"x-api-key": "wrong"})
    assert (await read_answer(reader))[0] == 401
    writer.write(bytes(8 * MiB))
    known = {"x-api-key": standin.key, "x-immich-checksum": sha1(b"here")}
    send_head(writer, 8 * MiB, **known)
    assert (await read_answer(reader))[0] == 200
    writer.write(bytes(8 * MiB))
    writer.write(b"GET /api/server/ping HTTP/1.1\r\nHost: immich\r\n\r\n")
    status, headers, body = await read_answer(reader)
    assert (status, headers["connection"], body) == (200, "keep-alive", b'{"res":"pong"}')
    writer.close()


@pytest.mark.gen_test
async def test_expect_is_answered_before_any_guard(standin: StandIn) -> None:
    wrong = {"x-api-key": "wrong", "Expect": "100-continue"}
    reader, writer = await connect(standin, MiB, **wrong)
    assert (await read_answer(reader))[0] == 100
    assert (await read_answer(reader))[0] == 401
    writer.write(bytes(MiB))
    writer.write(b"GET /api/server/ping HTTP/1.1\r\nHost: immich\r\n\r\n")
    assert (await read_answer(reader))[0] == 200
    writer.close()


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.gen_test
async def test_before_multer_2_1_a_bad_file_is_refused_at_once(
    standin: StandIn, connection: str
) -> None:
    standin.release = Release.of((2, 5, 6))
    body = form(bytes(MiB), "a.txt")
    reader, writer = await connect(standin, len(body), Connection=connection)
    writer.write(body[: MiB // 2])
    status, _, said = await read_answer(reader)
    assert (status, b"Unsupported file type a.txt" in said) == (400, True)
    writer.close()


@pytest.mark.gen_test
async def test_since_multer_2_1_a_bad_file_is_drained_first(standin: StandIn) -> None:
    body = form(bytes(MiB), "a.txt")
    reader, writer = await connect(standin, len(body), Connection="close")
    writer.write(body)
    status, _, said = await read_answer(reader)
    assert (status, b"Unsupported file type a.txt" in said) == (400, True)
    assert standin.exchanges[-1].received == len(body)
    assert not any(standin.library.incoming.iterdir())
    writer.close()


@pytest.mark.gen_test
async def test_a_form_without_its_end_is_refused(standin: StandIn) -> None:
    body = form(b"x").removesuffix(f"\r\n--{BOUNDARY}--\r\n".encode())
    reader, writer = await connect(standin, len(body))
    writer.write(body)
    status, _, said = await read_answer(reader)
    assert (status, b"Multipart: Unexpected end of form" in said) == (400, True)
    assert not standin.assets
    writer.close()
