"""Our client against a server that answers like Immich, from 1.106 to 3.2."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from harness.wait import eventually
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.testing import bind_unused_port

from immich_drop.errors import (
    AlbumGone,
    ImmichError,
    ImmichFailed,
    ImmichHold,
    ImmichKeyRejected,
    ImmichPermission,
    ImmichQuota,
    ImmichTooLarge,
    ImmichTrouble,
    ImmichTypeRefused,
    ImmichUnavailable,
)
from immich_drop.immich import (
    Account,
    ApiKey,
    Credential,
    Found,
    Immich,
    Patience,
    Sent,
    ShareKey,
    ShareSlug,
)
from immich_drop.standin import Album, Fault, Kind, Link, StandIn, User

OLDEST, ALL_OR_NOTHING, NO_CHECK, SCOPED, ORPHANS, NEWEST = VERSIONS = [
    (1, 106, 0),
    (1, 136, 0),
    (1, 140, 1),
    (2, 7, 5),
    (3, 0, 3),
    (3, 2, 2),
]
SCOPES = frozenset({"asset.upload", "album.read", "album.create", "albumAsset.create"})

TAKEN = datetime(2024, 7, 4, 20, 15, 30, 123999, tzinfo=timezone(timedelta(hours=2)))
PHOTO = b"a photo" * 100
CHECKSUM = hashlib.sha1(PHOTO).digest()


@dataclass(frozen=True, slots=True)
class Side:
    """Both ends of the wire."""

    standin: StandIn
    immich: Immich

    async def send(self, content: bytes = PHOTO, *, name: str = "photo.jpg") -> Sent:
        def blocks() -> Generator[bytes]:
            yield content

        return await self.immich.send(
            name=name,
            length=len(content),
            taken=TAKEN,
            checksum=hashlib.sha1(content).digest(),
            device_asset_id="drop-1",
            blocks=blocks(),
            sent=lambda _: None,
        )


@asynccontextmanager
async def sides(
    folder: Path,
    *,
    version: tuple[int, int, int] = SCOPED,
    scopes: frozenset[str] = SCOPES,
    credential: Credential | None = None,
    patience: Patience | None = None,
    path: str = "",
) -> AsyncIterator[Side]:
    standin = StandIn(folder, version=version, permissions=scopes, job_delay=None)
    url = await standin.start()
    immich = Immich(
        base_url=url + path,
        credential=credential or ApiKey(standin.key),
        max_connections=10,
        patience=patience,
    )
    try:
        yield Side(standin, immich)
    finally:
        immich.close()
        await standin.stop()


def link(standin: StandIn, **choices: object) -> Link:
    """Make an album and a link to it."""
    owner = standin.user.id
    album = Album(owner=owner, name="Wedding")
    made = Link(owner=owner, album=album.id, key="share-key", slug="our-day", **choices)
    standin.library.save(album)
    standin.library.save(made)
    return made


# What is sent, and what is found again


@pytest.mark.gen_test
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_photo_arrives_whole_with_its_name_and_date(
    tmp_path: Path, version: tuple[int, int, int]
) -> None:
    name = "Süße Katze 🐱.JPG"
    async with sides(tmp_path, version=version, scopes=frozenset({"all"})) as side:
        assert await side.immich.find([CHECKSUM]) == {}
        sent = await side.send(name=name)
        (asset,) = side.standin.assets
        assert sent == Sent(asset_id=asset.id, created=True)
        assert await side.immich.find([CHECKSUM]) == {
            CHECKSUM: Found(asset_id=asset.id, trashed=False)
        }
        assert await side.immich.proves(asset.id, checksum=CHECKSUM, length=len(PHOTO)) is True
        assert await side.send(name="again.jpg") == Sent(asset_id=asset.id, created=False)
    assert (tmp_path / name).read_bytes() == PHOTO
    assert asset.name == name
    assert (
        asset.created_at
        == asset.modified_at
        == datetime(2024, 7, 4, 18, 15, 30, 123000, tzinfo=UTC)
    )
    if version < (3, 0, 0):
        assert asset.device_asset_id == "drop-1"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("name", "arrived"),
    [
        ('say "cheese".jpg', "say 'cheese'.jpg"),
        ("a/b\\c.jpg", "a_b_c.jpg"),
        ("a\r\nContent-Type: x\0\x7f.jpg", "aContent-Type: x.jpg"),
        ("--drop; name=deviceId.jpg", "--drop; name=deviceId.jpg"),
        ("%22;😀é.jpg", "%22;😀é.jpg"),
        ("lone \ud800 half.jpg", "lone ? half.jpg"),
    ],
)
async def test_no_name_breaks_the_form(tmp_path: Path, name: str, arrived: str) -> None:
    async with sides(tmp_path) as side:
        await side.send(name=name)
        (asset,) = side.standin.assets
    assert (asset.name, asset.size) == (arrived, len(PHOTO))


@pytest.mark.gen_test
async def test_a_twin_that_came_another_way_is_not_transferred(tmp_path: Path) -> None:
    content = bytes(32 << 20)
    async with sides(tmp_path) as side:
        first = await side.send(content)
        for _ in range(5):
            again = await side.send(content)
            assert again == Sent(asset_id=first.asset_id, created=False)
            assert side.standin.exchanges[-1].received < len(content)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(kind=Kind.QUOTA), ImmichQuota),
        (Fault(kind=Kind.HTML, status=413), ImmichTooLarge),
        (Fault(kind=Kind.HTML, status=502), ImmichUnavailable),
        (Fault(kind=Kind.HTML, status=200), ImmichUnavailable),
        (Fault(kind=Kind.MAINTENANCE), ImmichUnavailable),
        (Fault(kind=Kind.REDIRECT, status=307, location="//login.example/"), ImmichUnavailable),
        (Fault(kind=Kind.ERROR_BEFORE_INSERT), ImmichFailed),
        (Fault(kind=Kind.ERROR_AFTER_INSERT), ImmichFailed),
        (Fault(kind=Kind.CUT_BODY), ImmichTrouble),
        (Fault(kind=Kind.LOSE_ANSWER), ImmichTrouble),
        (Fault(kind=Kind.SLOW_ANSWER), ImmichTrouble),
        (Fault(kind=Kind.STATUS, status=401, message="Invalid API key"), ImmichKeyRejected),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_what_goes_wrong_with_a_delivery(
    tmp_path: Path, fault: Fault, kind: type[ImmichError]
) -> None:
    async with sides(tmp_path, patience=Patience(answer=0.1)) as side:
        side.standin.faults.add(fault)
        with pytest.raises(kind) as raised:
            await side.send()
    assert type(raised.value) is kind
    assert side.standin.key not in str(raised.value)


@pytest.mark.gen_test
async def test_a_type_that_immich_does_not_take(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        with pytest.raises(ImmichTypeRefused, match=r"note\.txt"):
            await side.send(name="note.txt")


# Lookups


@pytest.mark.gen_test
async def test_lookups_at_the_same_time_share_a_request(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        sent = await side.send()
        asked = len(side.standin.exchanges)
        many = [index.to_bytes(20, "big") for index in range(499)]
        answers = await asyncio.gather(
            side.immich.find(many), side.immich.find([CHECKSUM]), side.immich.find([CHECKSUM])
        )
        found = {CHECKSUM: Found(asset_id=sent.asset_id, trashed=False)}
        assert answers == [{}, found, found]
        assert len(side.standin.exchanges) == asked + 1
        assert await side.immich.find([*many, *(b"x" + each[1:] for each in many)]) == {}
        assert len(side.standin.exchanges) == asked + 3
        assert await side.immich.find([]) == {}
        assert len(side.standin.exchanges) == asked + 3


@pytest.mark.gen_test
async def test_what_was_not_asked_about_is_not_found() -> None:
    """Whatever speaks in Immich's place may have the form of its answers and not their sense."""
    names = ("photo.jpg", bytes(20).hex())
    results = [{"id": name, "action": "reject", "assetId": "some"} for name in names]
    start = ResponseStartLine("HTTP/1.1", 200, "OK")

    def answer(request: HTTPServerRequest) -> None:
        body = json.dumps({"results": results}).encode()
        headers = HTTPHeaders({"Content-Length": str(len(body))})
        request.connection.write_headers(start, headers, body)
        request.connection.finish()

    server = HTTPServer(answer)
    listening, port = bind_unused_port()
    server.add_socket(listening)
    immich = Immich(
        base_url=f"http://127.0.0.1:{port}/api", credential=ApiKey("key"), max_connections=1
    )
    assert await immich.find([CHECKSUM]) == {}
    immich.close()
    server.stop()
    await server.close_all_connections()


@pytest.mark.gen_test
async def test_a_failed_lookup_reaches_everyone_who_shared_it(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        side.standin.faults.add(Fault(kind=Kind.HTML, status=502, match=".*bulk.*"))
        results = await asyncio.gather(
            *(side.immich.find([bytes([index] * 20)]) for index in range(3)),
            return_exceptions=True,
        )
        assert {type(result) for result in results} == {ImmichUnavailable}
        assert await side.immich.find([CHECKSUM]) == {}


@pytest.mark.gen_test
async def test_a_cancelled_lookup_takes_nobody_along(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        leaving = asyncio.create_task(side.immich.find([CHECKSUM]))
        staying = asyncio.create_task(side.immich.find([CHECKSUM]))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == {}
        assert leaving.cancelled()


@pytest.mark.gen_test
async def test_who_still_looks_when_it_is_closed_hears_of_it(tmp_path: Path) -> None:
    async with sides(tmp_path, credential=ShareKey("share-key")) as side:
        link(side.standin)
        many = [index.to_bytes(20, "big") for index in range(50)]
        looking = asyncio.create_task(side.immich.find(many))
        await eventually(lambda: side.standin.exchanges)
        side.immich.close()
        with pytest.raises(asyncio.CancelledError):
            await looking
        assert len(side.standin.exchanges) < len(many)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("version", "bulk"), [(NO_CHECK, 1), (ALL_OR_NOTHING, 1), (SCOPED, 0), (NEWEST, 0)]
)
async def test_where_the_bulk_check_is_forbidden_each_is_asked_for(
    tmp_path: Path, version: tuple[int, int, int], bulk: int
) -> None:
    """By a link it is not even tried; a key of 1.136 needs every permission for any of it."""
    by_link = version >= SCOPED
    credential = ShareKey("share-key") if by_link else None
    async with sides(tmp_path, version=version, credential=credential) as side:
        assert side.immich.by_link == by_link
        album = link(side.standin, allow_upload=True)
        if version == ALL_OR_NOTHING:
            with pytest.raises(ImmichPermission, match=": all"):
                await side.immich.find([CHECKSUM])
            return
        nobodys = [bytes([index]) * 20 for index in range(9)]
        assert await side.immich.find([*nobodys, CHECKSUM]) == {}
        sent = await side.send()
        found = {CHECKSUM: Found(asset_id=sent.asset_id, trashed=None)}
        assert await side.immich.find([*nobodys, CHECKSUM]) == found
        assert len(side.standin.assets) == 1
        asked = [exchange.name for exchange in side.standin.exchanges]
        assert asked.count("POST /assets/bulk-upload-check") == 2 * bulk
        assert asked.count("POST /assets") == 1 + 2 * 10
        assert album.album


@pytest.mark.gen_test
async def test_asked_one_by_one_the_first_failure_ends_it(tmp_path: Path) -> None:
    async with sides(tmp_path, credential=ShareKey("nobody")) as side:
        with pytest.raises(ImmichKeyRejected, match="Invalid share key"):
            await side.immich.find([bytes([index]) * 20 for index in range(200)])
        assert len(side.standin.exchanges) < 10


@pytest.mark.gen_test
async def test_whether_the_bulk_check_is_open(tmp_path: Path) -> None:
    async with sides(tmp_path / "open") as side:
        assert await side.immich.may_check()
    async with sides(tmp_path / "closed", version=NO_CHECK) as side:
        assert not await side.immich.may_check()


@pytest.mark.gen_test
async def test_a_key_without_the_scope_to_upload(tmp_path: Path) -> None:
    async with sides(tmp_path, scopes=frozenset({"album.read"})) as side:
        for call in (side.immich.find([CHECKSUM]), side.send()):
            with pytest.raises(ImmichPermission, match=r"asset\.upload") as raised:
                await call
            assert type(raised.value) is ImmichPermission


@pytest.mark.gen_test
async def test_a_wrong_key(tmp_path: Path) -> None:
    async with sides(tmp_path, credential=ApiKey("no-such-key")) as side:
        for call in (side.immich.find([CHECKSUM]), side.send(), side.immich.permissions()):
            with pytest.raises(ImmichKeyRejected, match="Invalid API key"):
                await call


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [SCOPED, ORPHANS])
async def test_a_row_without_a_file_proves_nothing(
    tmp_path: Path, version: tuple[int, int, int]
) -> None:
    async with sides(tmp_path, version=version, scopes=SCOPES | {"asset.read"}) as side:
        side.standin.faults.add(Fault(kind=Kind.ERROR_AFTER_INSERT))
        with pytest.raises(ImmichTrouble):
            await side.send()
        orphan = (await side.immich.find([CHECKSUM]))[CHECKSUM]
        proof = side.immich.proves(orphan.asset_id, checksum=CHECKSUM, length=len(PHOTO))
        assert await proof is False


@pytest.mark.gen_test
async def test_what_an_asset_proves(tmp_path: Path) -> None:
    async with sides(tmp_path, scopes=SCOPES | {"asset.read"}) as side:
        asset = (await side.send()).asset_id
        proves = side.immich.proves
        assert await proves(asset, checksum=CHECKSUM, length=len(PHOTO)) is True
        assert await proves(asset, checksum=CHECKSUM, length=1) is False
        assert await proves(asset, checksum=bytes(20), length=len(PHOTO)) is False
        assert await proves("nobody", checksum=CHECKSUM, length=len(PHOTO)) is False


@pytest.mark.gen_test
async def test_who_may_not_ask_for_proof(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        asset = (await side.send()).asset_id
        assert await side.immich.proves(asset, checksum=CHECKSUM, length=len(PHOTO)) is None


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [OLDEST, NO_CHECK, SCOPED])
async def test_out_of_the_trash(tmp_path: Path, version: tuple[int, int, int]) -> None:
    scopes = SCOPES | {"asset.delete", "asset.read"}
    async with sides(tmp_path, version=version, scopes=scopes) as side:
        side.standin.faults.add(Fault(kind=Kind.TRASHED_TWIN))
        sent = await side.send()
        assert not sent.created
        found = (await side.immich.find([CHECKSUM]))[CHECKSUM]
        assert found == Found(asset_id=sent.asset_id, trashed=True)
        assert await side.immich.restore(sent.asset_id)
        assert not side.standin.assets[0].trashed
        assert not await side.immich.restore("nobody")


@pytest.mark.gen_test
async def test_who_may_not_restore(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        side.standin.faults.add(Fault(kind=Kind.TRASHED_TWIN))
        assert not await side.immich.restore((await side.send()).asset_id)
        assert side.standin.assets[0].trashed


# Albums


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [SCOPED, NEWEST])
async def test_an_album_is_made_once(tmp_path: Path, version: tuple[int, int, int]) -> None:
    async with sides(tmp_path, version=version) as side:
        find = side.immich.find_or_create_album
        first, second = await find("Wedding"), await find("Wedding")
        (album,) = side.standin.albums
        assert first == second == album.id
        assert await find("wedding") != album.id


@pytest.mark.gen_test
async def test_of_several_albums_the_oldest(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        owner = side.standin.user.id
        for day in (3, 1, 2):
            date = datetime(2026, 7, day, tzinfo=UTC)
            side.standin.library.save(
                Album(id=f"made-on-{day}", owner=owner, name="Wedding", created_at=date)
            )
        assert await side.immich.find_or_create_album("Wedding") == "made-on-1"


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [SCOPED, NEWEST])
async def test_an_album_that_others_share_is_not_ours(
    tmp_path: Path, version: tuple[int, int, int]
) -> None:
    async with sides(tmp_path, version=version) as side:
        theirs = Album(
            owner=side.standin.add_user("Ben").user.id,
            name="Wedding",
            editors=[side.standin.user.id],
        )
        side.standin.library.save(theirs)
        assert await side.immich.find_or_create_album("Wedding") != theirs.id


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [SCOPED, NEWEST])
async def test_joining_an_album(tmp_path: Path, version: tuple[int, int, int]) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    async with sides(tmp_path, version=version) as side:
        asset = (await side.send()).asset_id
        album = await side.immich.find_or_create_album("Wedding")
        for _ in range(2):
            assert await side.immich.add_to_album(album, asset)
        assert not await side.immich.add_to_album(album, nobody)
        assert side.standin.album("Wedding").assets == [asset]
        with pytest.raises(AlbumGone, match="Album not found"):
            await side.immich.add_to_album(nobody, asset)


@pytest.mark.gen_test
async def test_another_ones_album_is_as_good_as_gone(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        asset = (await side.send()).asset_id
        theirs = Album(owner=User(name="Somebody").id, name="Wedding")
        side.standin.library.save(theirs)
        with pytest.raises(AlbumGone, match=r"no albumAsset\.create access"):
            await side.immich.add_to_album(theirs.id, asset)


@pytest.mark.gen_test
async def test_a_key_without_the_scopes_of_albums(tmp_path: Path) -> None:
    async with sides(tmp_path, scopes=frozenset({"asset.upload"})) as side:
        with pytest.raises(ImmichPermission, match=r"album\.read"):
            await side.immich.find_or_create_album("Wedding")
        with pytest.raises(ImmichPermission, match=r"albumAsset\.create"):
            await side.immich.add_to_album("any", "any")


# The server and the account


@pytest.mark.gen_test
@pytest.mark.parametrize("version", VERSIONS)
async def test_what_the_server_says_of_itself(
    tmp_path: Path, version: tuple[int, int, int]
) -> None:
    async with sides(tmp_path, version=version) as side:
        assert await side.immich.version() == version
        types = await side.immich.media_types()
        assert {".jpg", ".heic", ".mp4"} <= types
        assert (".nrw" in types) == (version > OLDEST)
        assert ".xmp" not in types
        assert await side.immich.permissions() == (SCOPES if version >= (1, 139, 0) else None)


@pytest.mark.gen_test
async def test_whose_library_it_is(tmp_path: Path) -> None:
    async with sides(tmp_path, scopes=SCOPES | {"user.read"}) as side:
        assert await side.immich.account() == Account(quota=None, usage=0, is_admin=True)
        side.standin.user.quota = 10_000
        await side.send()
        assert await side.immich.account() == Account(quota=10_000, usage=len(PHOTO), is_admin=True)


@pytest.mark.gen_test
@pytest.mark.parametrize(("version", "quota"), [((1, 131, 3), None), ((1, 132, 0), 0)])
async def test_a_quota_of_zero(
    tmp_path: Path, version: tuple[int, int, int], quota: int | None
) -> None:
    async with sides(tmp_path, version=version) as side:
        side.standin.user.quota = 0
        account = await side.immich.account()
        assert account is not None
        assert account.quota == quota
        if quota is None:
            assert (await side.send()).created
        else:
            with pytest.raises(ImmichQuota):
                await side.send()


@pytest.mark.gen_test
async def test_who_may_not_ask_for_the_account(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        assert await side.immich.account() is None


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [(2, 3, 0), SCOPED, NEWEST])
async def test_maintenance_is_called_by_its_name(
    tmp_path: Path, version: tuple[int, int, int]
) -> None:
    async with sides(tmp_path, version=version) as side:
        side.standin.maintenance = True
        for call in (side.immich.find([CHECKSUM]), side.send(), side.immich.media_types()):
            with pytest.raises(ImmichUnavailable, match="in maintenance mode"):
                await call


@pytest.mark.gen_test
async def test_nobody_is_there(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        await side.standin.down()
        for call in (side.immich.find([CHECKSUM]), side.send(), side.immich.version()):
            with pytest.raises(ImmichUnavailable, match="ConnectionRefusedError"):
                await call


@pytest.mark.gen_test
async def test_a_base_url_that_leads_elsewhere(tmp_path: Path) -> None:
    async with sides(tmp_path, path="/v2") as side:
        for call in (side.immich.find([CHECKSUM]), side.send(), side.immich.version()):
            with pytest.raises(ImmichUnavailable, match="404 Cannot"):
                await call


@pytest.mark.gen_test
async def test_the_key_does_not_follow_a_redirect(tmp_path: Path) -> None:
    async with sides(tmp_path / "here") as side, sides(tmp_path / "there") as elsewhere:
        location = f"{elsewhere.standin.url}/users/me"
        side.standin.faults.add(
            Fault(kind=Kind.REDIRECT, status=302, location=location, match="GET /users/me")
        )
        with pytest.raises(ImmichHold, match="redirected to 127"):
            await side.immich.account()
        assert not elsewhere.standin.exchanges


@pytest.mark.parametrize("credential", [ApiKey("hush"), ShareKey("hush"), ShareSlug("hush")])
def test_no_secret_prints(credential: Credential) -> None:
    assert "hush" not in repr(credential)
    assert "hush" in {*credential.headers.values(), *credential.query.values()}
