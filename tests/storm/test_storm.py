"""Whatever happens, each file that was received is in Immich once, and nothing is left behind."""

import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from harness.hostile import Hostile
from harness.immich import Immich
from harness.product import SERVER, Product, environment, running
from harness.wait import until

from storm import census
from storm.doors import Door, doors
from storm.guests import File, Guest
from storm.weather import Weather, let_time_pass

KEY = f"storm-{secrets.token_hex(16)}"
ALBUM = "Storm"
MEGABYTE = 1_000_000

VERSIONS = ["2.5.6", "2.7.5", "3.2.2"]
"""Before 2.7 we put what comes by a link into its album; before 3.1 rows can lack their file."""


@pytest.fixture(name="immich")
def fixture_immich(tmp_path: Path, seed: int) -> Iterator[Immich]:
    version = VERSIONS[seed % len(VERSIONS)]
    with Immich(tmp_path / "immich", "--key", KEY, "--version", version) as immich:
        yield immich


@pytest.fixture(name="product")
def fixture_product(immich: Immich, tmp_path: Path) -> Iterator[Product]:
    settings = {**immich.settings, "IMMICH_ALBUM_NAME": ALBUM, "LOG_LEVEL": "DEBUG"}
    with running(tmp_path / "product", METRICS="true", **settings) as product:
        yield product


@pytest.fixture(name="entrances")
def fixture_entrances(immich: Immich) -> list[Door]:
    return doors(immich, album=ALBUM)


def test_storm(
    product: Product, immich: Immich, entrances: list[Door], long: bool, seed: int
) -> None:
    started = time.monotonic()
    over = threading.Event()
    twins = [File("twin", f"{seed} {number} ".encode() * 1000) for number in range(3)]
    with ExitStack() as stack:
        networks = [stack.enter_context(Hostile(product.address)) for _ in range(8 if long else 2)]
        weather = Weather(seed, product, immich, networks, links=entrances[1:])
        guests = [
            Guest(
                f"{seed} {number}",
                entrances[number % len(entrances)],
                networks[number % len(networks)],
                over,
                largest=30 * MEGABYTE if long else MEGABYTE // 2,
                twins=twins,
            )
            for number in range(48 if long else 4)
        ]
        for guest in guests:
            guest.start()
        weather.rage(kills=80 if long else 2, stops=long)
        over.set()
        for guest in guests:
            guest.join(120)
            assert not guest.is_alive(), "a guest could not end its upload"
            if guest.error is not None:
                raise guest.error
    print(f"guests are home after {time.monotonic() - started:.1f} s")
    forget_what_was_given_up(product, guests)
    let_the_owners_mend(product, immich, entrances)
    census.settled(product, timeout=120 if long else 20)
    print(f"settled after {time.monotonic() - started:.1f} s")
    promised = {
        door: {file.sha1 for guest in guests if guest.door == door for file in guest.promised}
        for door in entrances
    }
    count = census.exactly_once(immich, promised)
    until(lambda: not product.spool, "the spool to be empty")
    census.consistent(product)
    assert_flat(product, entrances)
    secrets = [secret for door in entrances for secret in door.secrets]
    assert_nothing_told(product, [KEY, *secrets, *(guest.session for guest in guests)])
    tell(weather, guests, count, time.monotonic() - started)


def forget_what_was_given_up(product: Product, guests: list[Guest]) -> None:
    """Delete what guests left behind; what turns out to be complete was promised, unheard."""
    for guest in guests:
        for url, file in guest.given_up.items():
            answer = product.tus.delete(url)
            assert answer.status in {204, 404, 409}, answer
            if answer.status == 409:
                guest.promised.append(file)


def let_the_owners_mend(product: Product, immich: Immich, entrances: list[Door]) -> None:
    """Do what the log asks for, with the commands a host has."""
    product.stop()
    census.mend(immich, entrances)
    until(lambda: all(a["file"] for a in immich.control("GET", "state")["assets"]), "the job")
    env = environment(product.settings)
    command = [sys.executable, str(SERVER), "retry"]
    subprocess.run(command, env=env, cwd=product.folder, check=True, capture_output=True)
    let_time_pass(product)
    product.start()


def assert_flat(product: Product, entrances: list[Door]) -> None:
    """Check that the process that weathered the end holds no more than a new one."""
    used = census.footprint(product.process.pid)
    product.crash()
    for door in entrances:
        door.visit(product).upload(b"a little warmth")
    census.settled(product, timeout=20)
    fresh = census.footprint(product.process.pid)
    assert used.files <= fresh.files + 2, (used, fresh)
    assert used.resident <= fresh.resident + 60 * MEGABYTE, (used, fresh)


def assert_nothing_told(product: Product, secrets: list[str]) -> None:
    """Check that no secret and no guest's file name is in the log, or elsewhere in sight."""
    figures = product.tus.ask("GET", "/metrics", {}).body.decode()
    title = Path(f"/proc/{product.process.pid}/cmdline").read_text()
    for secret in [*secrets, "Dünen"]:
        assert secret not in product.log + figures + title


def tell(weather: Weather, guests: list[Guest], count: int, seconds: float) -> None:
    heard = sum((guest.heard for guest in guests), Counter[int]())
    sent = sum(guest.sent for guest in guests)
    print(
        f"{count} files, {sent / MEGABYTE:.0f} MB sent in {seconds:.0f} s by {len(guests)} guests"
    )
    print("answers:", dict(sorted(heard.items())))
    for what, times in sorted(weather.happened.items()):
        print(f"{times:5} {what}")
