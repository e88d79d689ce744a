"""The destinations: each with the credential, the album and the line it should have."""

from pathlib import Path

import pytest

from immich_drop.errors import LinkUnknown
from immich_drop.upload import OWN
from unit.outwards import outwards

PHOTO = b"a photo" * 100


@pytest.mark.gen_test
async def test_one_for_the_own_library_and_one_for_each_link(tmp_path: Path) -> None:
    async with outwards(tmp_path, album="Ours") as drop:
        one, other = await drop.share("Wedding"), await drop.share("Club")
        own, first, second = (drop.factory.make(each) for each in (OWN, one.id, other.id))
        assert own is drop.factory.own
        assert [each.immich.by_link for each in (own, first, second)] == [False, True, True]
        assert len({id(each.gate) for each in (own, first, second)}) == 3
        assert len({id(each.forwarder) for each in (own, first, second)}) == 3
        for each in (first, second):
            each.immich.close()
        with pytest.raises(LinkUnknown):
            drop.factory.make("nobody's")


@pytest.mark.gen_test
async def test_the_hosts_album_is_for_the_hosts_drop(tmp_path: Path) -> None:
    async with outwards(tmp_path, album="Ours") as drop:
        link = await drop.share("Wedding")
        await drop.settled(await drop.bring(PHOTO, link.id, name="by link.jpg"))
        await drop.settled(await drop.bring(PHOTO + b"!", name="own.jpg"))
        assert drop.inside("Wedding") == ["by link.jpg"]
        assert drop.inside("Ours") == ["own.jpg"]


@pytest.mark.gen_test
async def test_a_link_is_gone_by_as_it_was_given(tmp_path: Path) -> None:
    """By its key, which stays, though a guest came by the name, which the host has changed."""
    async with outwards(tmp_path) as drop:
        link = await drop.share("Wedding", slug="our-day")
        drop.change(link, slug="renamed")
        await drop.settled(await drop.bring(PHOTO, link.id))
        assert drop.inside("Wedding") == ["photo.jpg"]


@pytest.mark.gen_test
async def test_a_link_needs_no_api_key(tmp_path: Path) -> None:
    async with outwards(tmp_path, api_key="") as drop:
        link = await drop.share("Wedding")
        await drop.settled(await drop.bring(PHOTO, link.id))
        assert drop.inside("Wedding") == ["photo.jpg"]
        assert drop.factory.own.gate.reason is None
