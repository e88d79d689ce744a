"""Shared links: a guest without a key, as Immich 2.7.5 treats one."""

import json
from typing import Any

import pytest
from standin_client import Client, sha1

from immich_drop.standin import StandIn


async def made(client: Client, **options: Any) -> dict[str, Any]:
    """Make an album and a link to it."""
    album = await client.json("POST", "/albums", {"albumName": "Wedding"})
    wanted = {"type": "ALBUM", "albumId": album["id"], "allowUpload": True, **options}
    answer = await client.call("POST", "/shared-links", wanted)
    assert answer.code == 201
    return dict(json.loads(answer.body))


@pytest.mark.gen_test
async def test_a_link_tells_its_album(client: Client) -> None:
    link = await made(client, slug="us", description="Hello")
    for query in (f"key={link['key']}", "slug=us"):
        found = await client.json("GET", f"/shared-links/me?{query}")
        assert found["album"]["albumName"] == "Wedding"
        assert (found["description"], found["allowUpload"]) == ("Hello", True)
    assert [each["id"] for each in await client.json("GET", "/shared-links")] == [link["id"]]


@pytest.mark.parametrize("way", ["?key=", "?slug=", "x-immich-share-key", "x-immich-share-slug"])
@pytest.mark.gen_test
async def test_what_comes_through_a_link_joins_its_album(
    standin: StandIn, client: Client, way: str
) -> None:
    old = await client.uploaded(b"old")
    link = await made(client, slug="us")
    word = link["key"] if "key" in way else "us"
    path, headers = (f"/assets{way}{word}", {}) if way[0] == "?" else ("/assets", {way: word})
    known = {"x-immich-checksum": sha1(b"old")}
    assert (await client.upload(b"old", path=path, **headers, **known)).code == 200
    assert standin.album("Wedding").assets == []
    assert (await client.upload(b"new", path=path, **headers)).code == 201
    assert (await client.upload(b"old", path=path, **headers)).code == 200
    new = standin.assets[1]
    assert new.owner == standin.user.id
    assert standin.album("Wedding").assets == [new.id, old]


@pytest.mark.gen_test
async def test_a_password_is_asked_for_but_not_on_upload(client: Client) -> None:
    link = await made(client, password="secret")
    me = f"/shared-links/me?key={link['key']}"
    for path, said in ((me, "Password required"), (me + "&password=no", "Invalid password")):
        answer = await client.call("GET", path)
        assert (answer.code, json.loads(answer.body)["message"]) == (401, said)
    login = f"/shared-links/login?key={link['key']}"
    assert (await client.call("POST", login, {"password": "no"})).code == 401
    answer = await client.call("POST", login, {"password": "secret"})
    assert answer.code == 201
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    assert cookie.startswith("immich_shared_link_token=")
    assert (await client.call("GET", me, Cookie=cookie)).code == 200
    assert (await client.call("GET", me + "&password=secret")).code == 200
    assert (await client.upload(b"x", path=f"/assets?key={link['key']}")).code == 201


@pytest.mark.gen_test
async def test_a_link_does_not_open(client: Client) -> None:
    past = await made(client, slug="past", expiresAt="2020-01-01T00:00:00.000Z")
    closed = await made(client, slug="closed", allowUpload=False)
    for query, said in (
        ("key=nobody", "Invalid share key"),
        ("slug=nobody", "Invalid share slug"),
        (f"key={past['key']}", "Invalid share key"),
        ("slug=past", "Invalid share slug"),
        (f"key={closed['key']}", "Unauthorized"),
    ):
        answer = await client.upload(b"x", path=f"/assets?{query}")
        assert (answer.code, json.loads(answer.body)["message"]) == (401, said)
    open_link = await made(client)
    check = f"/assets/bulk-upload-check?key={open_link['key']}"
    assert (await client.call("POST", check, {"assets": []})).code == 403
