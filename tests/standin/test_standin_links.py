"""Shared links: a guest without a key, as Immich 2.7.5 treats one."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from standin_client import FIELDS, Client, form, sha1
from tornado.httpclient import HTTPResponse

from immich_drop.standin import StandIn, Wire
from immich_drop.standin.wire import Release


async def made(client: Client, **options: Any) -> dict[str, Any]:
    """Make an album and a link to it, as a host does."""
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


def said(answer: HTTPResponse) -> tuple[int, str]:
    """Tell status and message of an answer."""
    return answer.code, json.loads(answer.body).get("message", "")


@pytest.mark.gen_test
async def test_a_host_changes_a_link_and_takes_it_back(client: Client) -> None:
    link = await made(client, description="Hello", password="secret")
    path, me = f"/shared-links/{link['id']}", f"/shared-links/me?key={link['key']}"
    changed = await client.json("PATCH", path, {"password": None, "slug": "us"})
    assert (changed["password"], changed["slug"], changed["description"]) == (None, "us", "Hello")
    assert (await client.json("GET", me))["allowUpload"]
    await client.json("PATCH", path, {"allowUpload": False})
    assert not (await client.json("GET", path))["allowUpload"]
    assert said(await client.upload(b"x", path="/assets?slug=us")) == (401, "Unauthorized")
    past = {"expiresAt": "2020-01-01T00:00:00.000Z", "changeExpiryTime": True}
    await client.json("PATCH", path, past)
    assert said(await client.call("GET", me)) == (401, "Invalid share key")
    await client.json("PATCH", path, {"expiresAt": None, "changeExpiryTime": True})
    assert (await client.call("GET", me)).code == 200
    assert (await client.call("DELETE", path)).code == 204
    assert said(await client.call("GET", me)) == (401, "Invalid share key")
    assert said(await client.call("DELETE", path)) == (400, "Shared link not found")


@pytest.mark.gen_test
async def test_uploads_that_are_not_allowed_are_refused_at_the_file(client: Client) -> None:
    """The checksum is looked at before, as in Immich."""
    link = await made(client, allowUpload=False)
    path = f"/assets?key={link['key']}"
    await client.uploaded(b"old")
    known = {"x-immich-checksum": sha1(b"old")}
    assert (await client.upload(b"old", path=path, **known)).code == 200
    assert said(await client.upload(b"new", path=path)) == (401, "Unauthorized")
    assert (await client.call("POST", path, {})).code == 400


@pytest.mark.gen_test
async def test_every_account_has_its_own(standin: StandIn, client: Client) -> None:
    anna, tom = standin.add_user("Anna"), standin.add_user("Tom")
    for key in (anna, tom):
        link = standin.make_link(album="Wedding", owner=key.user, slug=key.user.name)
        answer = await client.upload(b"same", path=f"/assets?slug={key.user.name}")
        assert answer.code == 201
        (album,) = await client.json("GET", "/albums", key=key.secret)
        assert (album["id"], album["ownerId"]) == (link.album, key.user.id)
        (mine,) = await client.json("GET", "/shared-links", key=key.secret)
        assert mine["id"] == link.id
    assert (await client.json("GET", "/users/me", key=tom.secret))["name"] == "Tom"
    assert said(await client.call("DELETE", f"/shared-links/{link.id}")) == (
        400,
        "Shared link not found",
    )


@pytest.mark.parametrize("wire", Wire)
@pytest.mark.gen_test
async def test_a_slug_in_any_script(standin: StandIn, client: Client, wire: Wire) -> None:
    version = (3, 2, 2) if wire is Wire.V3 else (2, 7, 5)
    standin.release = Release.of(version, wire)
    link = standin.make_link(album="Wedding", slug="婚礼 & mehr")
    found = await client.json("GET", f"/shared-links/me?slug={quote(link.slug or '')}")
    assert found["key"] == link.key
    answer = await client.call("GET", "/shared-links/me?slug=nobody")
    assert said(answer) == (401, "Invalid share slug")
    assert ("statusCode" in json.loads(answer.body)) == (wire is not Wire.V3)


@pytest.mark.parametrize(
    ("version", "without", "query", "login"),
    [
        ((1, 106, 0), "Invalid password", 200, 404),
        ((2, 5, 6), "Invalid password", 200, 404),
        ((2, 6, 0), "Password required", 200, 201),
        ((3, 2, 2), "Password required", 401, 201),
    ],
)
@pytest.mark.gen_test
async def test_how_versions_take_a_password(
    standin: StandIn,
    client: Client,
    version: tuple[int, int, int],
    without: str,
    query: int,
    login: int,
) -> None:
    standin.release = Release.of(version)
    link = standin.make_link(album="Wedding", password="secret")
    me = f"/shared-links/me?key={link.key}"
    assert said(await client.call("GET", me)) == (401, without)
    assert (await client.call("GET", f"{me}&password=secret")).code == query
    path = f"/shared-links/login?key={link.key}"
    assert (await client.call("POST", path, {"password": "secret"})).code == login


@pytest.mark.gen_test
async def test_a_link_without_password_has_no_login(standin: StandIn, client: Client) -> None:
    link = standin.make_link(album="Wedding")
    path = f"/shared-links/login?key={link.key}"
    answer = await client.call("POST", path, {"password": "x"})
    assert said(answer) == (400, "Shared link is not password protected")
    assert (await client.call("POST", path, {"password": ""})).code == 400


@pytest.mark.gen_test
async def test_before_slugs(standin: StandIn, client: Client) -> None:
    standin.release = Release.of((1, 136, 0))
    link = standin.make_link(album="Wedding", slug="us")
    assert (await client.call("GET", f"/shared-links/me?key={link.key}")).code == 200
    by_slug = standin.url + "/shared-links/me?slug=us"
    answer = await client.http.fetch(by_slug, raise_error=False)
    assert said(answer) == (401, "Authentication required")
    standin.release = Release.of((1, 137, 0))
    assert (await client.http.fetch(by_slug)).code == 200


@pytest.mark.gen_test
async def test_a_sidecar_is_kept_and_read(standin: StandIn, client: Client) -> None:
    xmp = (
        b'<r xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><li>From Anna</li>'
        b"</dc:description></r>"
    )
    whole = form(b"photo", fields=FIELDS)
    head, _, tail = whole.rpartition(b"\r\n--")
    boundary = whole.partition(b"\r\n")[0]
    disposition = b'Content-Disposition: form-data; name="sidecarData"; filename="a.jpg.xmp"'
    part = b"\r\n".join([b"", boundary, disposition, b"", xmp])
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary[2:].decode()}"}
    answer = await client.call("POST", "/assets", head + part + b"\r\n--" + tail, **kind)
    assert answer.code == 201
    (asset,) = standin.assets
    assert (asset.size, asset.sidecar, asset.description) == (5, xmp.decode(), "From Anna")
    shown = await client.json("GET", f"/assets/{asset.id}")
    assert shown["exifInfo"]["description"] == "From Anna"


def test_links_outlive_the_process(tmp_path: Path) -> None:
    expires = datetime.now(UTC) + timedelta(days=1)
    one = StandIn(tmp_path)
    anna = one.add_user("Anna").user
    kept = one.make_link(album="Wedding", owner=anna, slug="us", expires_at=expires)
    gone = one.make_link(album="Wedding")
    one.library.remove_link(gone)
    other = StandIn(tmp_path)
    assert list(other.library.links.values()) == [kept]
    assert other.library.users[anna.id].name == "Anna"
    again = other.make_link(album="Party", slug="us", password="secret")
    assert (again.id, again.key, again.password) == (kept.id, kept.key, "secret")
    assert again.owner == other.user.id
    assert len(StandIn(tmp_path).library.links) == 1
