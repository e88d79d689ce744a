"""Immich in every mood: the queue holds, /readyz says why, the log says it once, it goes on."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.immich import Immich
from harness.product import Product, running
from harness.thread import looping
from harness.tus import Tus
from harness.wait import until

from immich_drop.standin import StandIn
from immich_drop.standin.faults import Fault, Kind

ALL = {"match": ".*", "times": None}
MOODS: dict[str, tuple[str, dict[str, Any]]] = {
    "key revoked": (
        "immich_key",
        {"kind": "status", "status": 401, "message": "Invalid API key", **ALL},
    ),
    "scope taken": (
        "immich_permission",
        {"kind": "status", "status": 403, "message": "Missing required permission: asset.upload"}
        | ALL,
    ),
    "login page": ("immich_unavailable", {"kind": "html", "status": 200, **ALL}),
    "maintenance": ("immich_unavailable", {"kind": "maintenance", **ALL}),
    "quota": ("immich_quota", {"kind": "quota", "match": "POST /assets", "times": None}),
}


def bring(tus: Tus, what: str, count: int) -> list[bytes]:
    files = [f"{what} {number}".encode() for number in range(count)]
    for data in files:
        tus.upload(data)
    return files


@pytest.fixture(name="product", scope="module")
def fixture_product(immich: Immich, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One with a log of its own, in which lines are counted."""
    with running(tmp_path_factory.mktemp("moody"), **immich.settings) as product:
        yield product


@pytest.mark.parametrize("mood", MOODS)
def test_a_mood_passes(product: Product, immich: Immich, mood: str) -> None:
    code, fault = MOODS[mood]
    before = len(product.log)
    with immich.fault(**fault):
        files = bring(product.tus, mood, 4)

        def held() -> bool:
            return product.tus.ask("GET", "/readyz", {}).json()["immich"] == code

        until(held, "the host to be told why")
        assert product.tus.ask("GET", "/healthz", {}).status == 200
        files += bring(product.tus, f"{mood}, while it lasts,", 4)
    for data in files:
        immich.wait_for(data)
    said = [line for line in product.log[before:].splitlines() if " WARN " in line]
    assert len(said) == 1, said
    assert f"deliveries wait: {code}" in said[0]
    until(lambda: product.tus.ask("GET", "/readyz", {}).status == 200, "all to be well")


def test_an_asset_deleted_in_immich_may_come_again(
    product: Product, immich: Immich, session: str
) -> None:
    """Our ledger remembers it, but Immich decides."""
    data = b"deleted by mistake, dropped again"
    product.tus.upload(data, session=session, item="1")
    gone = immich.wait_for(data)
    until(lambda: not product.spool, "the first to be settled")
    immich.delete(gone)
    until(lambda: not immich.assets(data), "Immich to forget it")
    product.tus.upload(data, session=session, item="2")
    assert immich.wait_for(data).id != gone.id
    until(lambda: not product.spool, "the second to be settled")


def test_a_key_that_is_revoked_in_mid_stream(tmp_path: Path) -> None:
    """What was being sent may be in Immich, the rest waits; the next key finds out and goes on."""
    big = b"half of it went under a key that was good " * 100_000
    others = [b"was dropped later", b"and so was this"]
    incoming = tmp_path / "immich" / ".incoming"
    with looping() as thread:
        standin = StandIn(tmp_path / "immich", key="the-old-key")
        url = thread.run(standin.start())
        env = {"IMMICH_BASE_URL": url, "IMMICH_ALBUM_NAME": "Wedding"}
        with running(tmp_path / "product", **env, IMMICH_API_KEY="the-old-key") as product:
            standin.faults.add(Fault(kind=Kind.HANG_BODY, after=1_000_000))
            product.tus.upload(big)
            until(lambda: any(incoming.iterdir()), "its half to be there")
            del standin.library.keys["the-old-key"]
            standin.library.add_key("the-new-key", standin.user, ["all"])
            for data in others:
                product.tus.upload(data)
            until(lambda: readiness(product)["immich"] == "immich_key", "the host to be told")
            thread.loop.call_soon_threadsafe(standin.faults.clear)
            until(lambda: not any(incoming.iterdir()), "the other half to have come")
            assert len(product.spool) == 3
            assert product.stop() == 0
            assert product.log.count("deliveries wait") == 1
            product.start(IMMICH_API_KEY="the-new-key")
            until(lambda: not product.spool, "everything to be settled")
            assert product.log.count("deliveries wait") == 1
            assert "-key" not in product.log
        there = sorted(asset.checksum for asset in standin.assets)
        assert there == sorted(hashlib.sha1(data).digest() for data in [big, *others])
        assert sorted(standin.album("Wedding").assets) == sorted(each.id for each in standin.assets)
        thread.run(standin.stop())


def readiness(product: Product) -> dict[str, Any]:
    answer: dict[str, Any] = product.tus.ask("GET", "/readyz", {}).json()
    return answer


def test_a_key_that_is_revoked_in_mid_stream_and_a_power_cut(
    product: Product, immich: Immich
) -> None:
    """Half of a file has left when its answer is 401; all of it leaves again later."""
    data = b"half of it went under a key that was good " * 100_000
    with immich.fault("hang_body", after=1_000_000):
        product.tus.upload(data)
        until(immich.under_way, "the delivery to begin")
        fault = {"kind": "status", "status": 401, "message": "Invalid API key", **ALL}
        immich.control("POST", "faults", [fault])
        product.crash()
        until(lambda: "immich_key" in product.process.log, "the host to be told")
    immich.wait_for(data)
