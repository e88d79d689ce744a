"""The album: one of its name, however many ask at once and whoever deletes it."""

import asyncio
from pathlib import Path

import pytest

from immich_drop.album import Album, LinkAlbum
from immich_drop.deliver import ImmichCourier
from immich_drop.errors import ImmichTrouble
from immich_drop.facts import Facts
from immich_drop.immich import Immich, ShareKey
from immich_drop.standin import Fault, Kind
from immich_drop.standin.wire import Release
from unit.delivering import ALBUM, Half, half


async def arrived(drop: Half, count: int) -> list[str]:
    made = [await drop.bring(b"%d" % number) for number in range(count)]
    assets = [(await drop.settled(each.id)).asset_id for each in made]
    return [asset for asset in assets if asset]


@pytest.mark.gen_test
async def test_many_at_once_make_one_album(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        assets = await arrived(drop, 8)
        album = Album(ALBUM, immich=drop.immich, facts=Facts(drop.db))
        await asyncio.gather(*map(album.add, assets))
        await album.add(assets[0])
        assert sorted(drop.standin.album(ALBUM).assets) == sorted(assets)
        again = Album(ALBUM, immich=drop.immich, facts=Facts(drop.db))
        looks = [each.name for each in drop.standin.exchanges].count("GET /albums")
        await again.add(assets[0])
        assert [each.name for each in drop.standin.exchanges].count("GET /albums") == looks


@pytest.mark.gen_test
async def test_deleted_while_many_add_it_is_made_once_more(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        assets = await arrived(drop, 6)
        album = Album(ALBUM, immich=drop.immich, facts=Facts(drop.db))
        await album.add(assets[0])
        drop.standin.library.remove_album(drop.standin.album(ALBUM))
        await asyncio.gather(*map(album.add, assets))
        assert sorted(drop.standin.album(ALBUM).assets) == sorted(assets)


@pytest.mark.gen_test
async def test_an_asset_that_does_not_join_is_told(tmp_path: Path) -> None:
    async with half(tmp_path) as drop:
        album = Album(ALBUM, immich=drop.immich, facts=Facts(drop.db))
        with pytest.raises(ImmichTrouble):
            await album.add("00000000-0000-4000-8000-000000000000")


@pytest.mark.gen_test
async def test_an_answer_that_is_lost_makes_no_second_album(tmp_path: Path) -> None:
    async with half(tmp_path, album=True) as drop:
        drop.standin.faults.add(Fault(kind=Kind.LOSE_ANSWER, match="POST /albums"))
        made = await drop.bring(b"a photo")
        await drop.until(made.id, lambda row: row.code is not None)
        drop.gate.open()
        row = await drop.settled(made.id)
        assert drop.standin.album(ALBUM).assets == [row.asset_id]


@pytest.mark.gen_test
@pytest.mark.parametrize("version", [(1, 106, 0), (2, 5, 6), (2, 6, 1), (2, 7, 5), (3, 2, 2)])
async def test_what_comes_by_a_link_is_in_its_album(
    tmp_path: Path, version: tuple[int, int, int]
) -> None:
    async with half(tmp_path, version=version) as drop:
        link = drop.standin.make_link(album=ALBUM)
        immich = Immich(base_url=drop.standin.url, credential=ShareKey(link.key), max_connections=2)
        album = LinkAlbum(str(link.album), immich=immich)
        courier = ImmichCourier(
            immich=immich,
            album=album,
            ledger=drop.ledger,
            spool=drop.spool,
            slots=asyncio.Semaphore(1),
        )
        for data in (b"first", b"second", b"first"):
            upload = await drop.receive(data, link=link.id)
            await courier.deliver(upload, sent=lambda _: None)
        immich.close()
        ids = [asset.id for asset in drop.standin.assets]
        assert len(ids) == 2
        assert drop.standin.album(ALBUM).assets == ids


@pytest.mark.gen_test
async def test_immich_is_updated_while_we_run(tmp_path: Path) -> None:
    """From 3.0 on what comes by a link joins its album by itself, and may not be put into it."""
    async with half(tmp_path, version=(2, 5, 6)) as drop:
        link = drop.standin.make_link(album=ALBUM)
        immich = Immich(base_url=drop.standin.url, credential=ShareKey(link.key), max_connections=2)
        album = LinkAlbum(str(link.album), immich=immich)
        before, after = await arrived(drop, 2)
        await album.add(before)
        drop.standin.release = Release.of((3, 2, 2))
        await album.add(after)
        immich.close()
        assert drop.standin.album(ALBUM).assets == [before]
