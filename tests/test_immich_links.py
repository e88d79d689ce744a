"""Our client by a shared link, against a server that answers like Immich, from 1.106 to 3.2."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from immich_drop.errors import (
    DropError,
    ImmichKeyRejected,
    ImmichUnavailable,
    LinkUnknown,
    PasswordRequired,
    PasswordWrong,
)
from immich_drop.immich import ApiKey, Credential, Immich, Sent, SharedLink, ShareKey, ShareSlug
from immich_drop.standin import Fault, Kind, Link, StandIn

KEYS_ONLY, NO_LOGIN, LOGIN, NEWEST = VERSIONS = [(1, 106, 0), (2, 5, 6), (2, 7, 5), (3, 2, 2)]

PHOTO = b"a photo" * 100
CHECKSUM = hashlib.sha1(PHOTO).digest()
PASSWORD = "pass & wörd"
SLUG = "unser schöner Tag/婚礼?&"

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Side:
    """Both ends of the wire, and the link between them."""

    standin: StandIn
    link: Link

    @asynccontextmanager
    async def immich(self, credential: Credential | None = None) -> AsyncIterator[Immich]:
        immich = Immich(
            base_url=self.standin.url,
            credential=credential or ShareKey(self.link.key),
            max_connections=10,
        )
        try:
            yield immich
        finally:
            immich.close()

    async def shared(
        self, password: str | None = None, *, credential: Credential | None = None
    ) -> SharedLink:
        async with self.immich(credential) as immich:
            return await immich.shared_link(password)

    async def send(
        self,
        blocks: Generator[bytes] | None = None,
        *,
        credential: Credential | None = None,
        content: bytes = PHOTO,
        sidecar: bytes | None = None,
        sent: list[int] | None = None,
    ) -> Sent:
        def whole() -> Generator[bytes]:
            yield content

        async with self.immich(credential) as immich:
            return await immich.send(
                name="photo.jpg",
                length=len(content),
                taken=datetime(2024, 7, 4, tzinfo=UTC),
                checksum=hashlib.sha1(content).digest(),
                device_asset_id="drop-1",
                blocks=blocks or whole(),
                sent=(sent if sent is not None else []).append,
                sidecar=sidecar,
            )

    def change(self, **fields: object) -> None:
        """Do what the host may do in Immich's own page."""
        for name, value in fields.items():
            setattr(self.link, name, value)
        self.standin.library.save(self.link)


@asynccontextmanager
async def sides(
    folder: Path, *, version: Version = LOGIN, **choices: object
) -> AsyncIterator[Side]:
    standin = StandIn(folder, version=version, job_delay=None)
    await standin.start()
    owner = standin.add_user("Anna").user
    try:
        yield Side(standin, standin.make_link(album="Wedding", owner=owner, **choices))  # type: ignore[arg-type]
    finally:
        await standin.stop()


# What a link tells


@pytest.mark.gen_test
@pytest.mark.parametrize("version", VERSIONS)
async def test_what_we_know_of_a_link(tmp_path: Path, version: Version) -> None:
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    async with sides(
        tmp_path, version=version, description="Bring all!", expires_at=expires
    ) as side:
        shared = await side.shared()
        assert shared == SharedLink(
            id=side.link.id,
            key=side.link.key,
            slug=None,
            title="Wedding",
            description="Bring all!",
            expires_at=expires,
            allow_upload=True,
            album_id=side.link.album,
        )
        assert shared.key not in repr(shared)


@pytest.mark.gen_test
async def test_a_link_to_single_photos(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        side.change(album=None)
        shared = await side.shared()
        assert (shared.album_id, shared.title) == (None, "")


@pytest.mark.gen_test
@pytest.mark.parametrize("slug", ["our-day", SLUG])
async def test_a_slug_opens_what_the_key_opens(tmp_path: Path, slug: str) -> None:
    async with sides(tmp_path, slug=slug) as side:
        shared = await side.shared(credential=ShareSlug(slug))
        assert shared == await side.shared(credential=ShareKey(shared.key))
        assert (shared.key, shared.slug) == (side.link.key, slug)


@pytest.mark.gen_test
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_password(tmp_path: Path, version: Version) -> None:
    async with sides(tmp_path, version=version, password=PASSWORD) as side:
        with pytest.raises(PasswordRequired):
            await side.shared()
        with pytest.raises(PasswordRequired):
            await side.shared("")
        with pytest.raises(PasswordWrong):
            await side.shared("wrong")
        shared = await side.shared(PASSWORD)
        assert shared.title == "Wedding"
        assert PASSWORD not in repr(shared)


@pytest.mark.gen_test
@pytest.mark.parametrize("credential", [None, ShareSlug(SLUG)])
async def test_a_password_is_in_no_address(tmp_path: Path, credential: Credential | None) -> None:
    async with sides(tmp_path, version=NEWEST, password=PASSWORD, slug=SLUG) as side:
        await side.shared(PASSWORD, credential=credential)
        (exchange,) = side.standin.exchanges
        assert exchange.name == "POST /shared-links/login"


@pytest.mark.gen_test
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_password_where_there_is_none_any_more(tmp_path: Path, version: Version) -> None:
    async with sides(tmp_path, version=version) as side:
        assert (await side.shared(PASSWORD)).id == side.link.id


# Links that do not open


@pytest.mark.gen_test
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("password", [None, "secret"])
async def test_links_that_immich_does_not_know(
    tmp_path: Path, version: Version, password: str | None
) -> None:
    async with sides(tmp_path, version=version, slug=SLUG) as side:
        side.change(expires_at=datetime(2026, 1, 1, tzinfo=UTC))
        for credential in (
            ShareKey(side.link.key),
            ShareSlug(SLUG),
            ShareKey("mistyped"),
            ShareSlug("nobody's"),
            ShareKey("ключ\r\nx-api-key: 1"),
            ShareKey(""),
        ):
            with pytest.raises(LinkUnknown):
                await side.shared(password, credential=credential)


@pytest.mark.gen_test
async def test_a_link_that_was_deleted(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        side.standin.library.remove_link(side.link)
        with pytest.raises(LinkUnknown):
            await side.shared()


@pytest.mark.gen_test
@pytest.mark.parametrize("password", [None, "secret"])
async def test_where_immich_cannot_say_the_link_is_not_called_unknown(
    tmp_path: Path, password: str | None
) -> None:
    async with sides(tmp_path) as side:
        side.standin.maintenance = True
        with pytest.raises(ImmichUnavailable, match="maintenance"):
            await side.shared(password)
        side.standin.maintenance = False
        side.standin.faults.add(Fault(kind=Kind.HTML, status=401, match=".*shared-links.*"))
        with pytest.raises(ImmichUnavailable, match="proxy"):
            await side.shared(password)
        side.standin.faults.add(
            Fault(kind=Kind.STATUS, status=401, message="Who?", match=".*shared-links.*")
        )
        with pytest.raises(ImmichKeyRejected, match="Who"):
            await side.shared(password)
        await side.standin.down()
        with pytest.raises(ImmichUnavailable):
            await side.shared(password)


# What comes by a link


@pytest.mark.gen_test
@pytest.mark.parametrize("credential", [None, ShareSlug(SLUG)])
async def test_everything_joins_the_album_of_the_links_owner(
    tmp_path: Path, credential: Credential | None
) -> None:
    async with sides(tmp_path, slug=SLUG, password=PASSWORD) as side:
        sent = await side.send(credential=credential)
        album = side.standin.album("Wedding")
        assert album.assets == [sent.asset_id]
        assert side.standin.assets[0].owner == side.link.owner != side.standin.user.id
        album.assets.clear()
        assert await side.send(credential=credential) == Sent(asset_id=sent.asset_id, created=False)
        assert album.assets == [sent.asset_id]


@pytest.mark.gen_test
async def test_libraries_know_nothing_of_each_other(tmp_path: Path) -> None:
    async with sides(tmp_path) as side, side.immich() as immich:
        hosts = await side.send(credential=ApiKey(side.standin.key))
        assert await immich.find([CHECKSUM]) == {}
        annas = await side.send()
        assert annas.created
        assert annas.asset_id != hosts.asset_id
        assert (await immich.find([CHECKSUM]))[CHECKSUM].asset_id == annas.asset_id


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [NO_LOGIN, LOGIN, NEWEST])
@pytest.mark.parametrize(
    ("closing", "said"),
    [
        ({"allow_upload": False}, "Unauthorized"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "Invalid share key"),
    ],
)
async def test_a_link_that_was_closed_takes_nothing(
    tmp_path: Path, version: Version, closing: dict[str, object], said: str
) -> None:
    """Up to 2.5 Immich says so at the first file, later after the whole body."""
    async with sides(tmp_path, version=version) as side:
        side.change(**closing)
        with pytest.raises(ImmichKeyRejected, match=said):
            await side.send(content=bytes(3 << 20))
        assert side.standin.assets == []


@pytest.mark.gen_test
async def test_a_link_that_is_deleted_in_mid_stream(tmp_path: Path) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def blocks() -> Generator[bytes]:
        yield PHOTO[:300]
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()
        yield PHOTO[300:]

    async with sides(tmp_path) as side:
        sending = asyncio.create_task(side.send(blocks()))
        await begun.wait()
        side.standin.library.remove_link(side.link)
        go_on.set()
        with pytest.raises(ImmichKeyRejected, match="Invalid share key"):
            await sending


@pytest.mark.gen_test
async def test_what_a_link_cannot_do(tmp_path: Path) -> None:
    async with sides(tmp_path) as side, side.immich() as immich:
        asset = (await side.send()).asset_id
        assert immich.by_link
        assert not await immich.restore(asset)
        assert await immich.permissions() is None
        assert await immich.account() is None


@pytest.mark.gen_test
@pytest.mark.parametrize("version", VERSIONS)
async def test_what_a_link_shows_of_what_is_in_its_album(tmp_path: Path, version: Version) -> None:
    async with sides(tmp_path, version=version) as side, side.immich() as immich:
        sent = (await side.send()).asset_id
        (asset,) = side.standin.assets
        if sent not in side.standin.album("Wedding").assets:
            await immich.add_to_album(str(side.link.album), sent)
        about = {"checksum": CHECKSUM, "length": len(PHOTO)}
        assert await immich.proves(sent, **about) is True
        assert await immich.proves(sent, checksum=CHECKSUM, length=1) is False
        side.change(show_metadata=False)
        assert await immich.proves(sent, **about) is None
        asset.trashed = True
        assert await immich.proves(sent, **about) is False


# Sidecars

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
    '<rdf:li xml:lang="x-default">From Ünal 🐱</rdf:li></rdf:Alt></dc:description>'
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
).encode()


@pytest.mark.gen_test
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("with_key", [False, True])
async def test_a_sidecar_comes_along(tmp_path: Path, version: Version, with_key: bool) -> None:
    async with sides(tmp_path, version=version) as side:
        sent: list[int] = []
        credential = ApiKey(side.standin.key) if with_key else None
        await side.send(credential=credential, sidecar=XMP, sent=sent)
        (asset,) = side.standin.assets
        assert (asset.checksum, asset.name) == (CHECKSUM, "photo.jpg")
        assert asset.sidecar == XMP.decode()
        assert asset.description == "From Ünal 🐱"
        assert sent == [len(PHOTO)]


@pytest.mark.gen_test
async def test_a_duplicate_keeps_its_own_words(tmp_path: Path) -> None:
    async with sides(tmp_path) as side:
        await side.send()
        assert not (await side.send(sidecar=XMP)).created
        assert side.standin.assets[0].sidecar is None


def test_the_unknown_are_no_errors_of_immich() -> None:
    """A guest's mistake holds up no queue."""
    for error in (LinkUnknown, PasswordRequired, PasswordWrong):
        assert issubclass(error, DropError)
        assert not issubclass(error, ImmichKeyRejected)
