"""What goes wrong: the server dies, the network goes, Immich fails in every way it can."""

import random
import sqlite3
import threading
from collections import Counter
from contextlib import closing

from harness.hostile import Hostile
from harness.immich import Immich
from harness.product import Product

from storm.doors import Door

HAPPENS = ["kill", "stop", "network", "immich", "link"]

EVERYTHING = ".*"

FAULTS: dict[str, dict[str, object]] = {
    "refuses": {"kind": "down", "seconds": 0.4, "match": EVERYTHING},
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503, "match": EVERYTHING, "times": 3},
    "no memory of the album": {"kind": "status", "status": 500, "match": "PUT /albums/.*"},
    "key revoked": {"kind": "status", "status": 401, "match": EVERYTHING, "times": 4},
    "maintenance": {"kind": "maintenance", "match": EVERYTHING, "times": 3},
    "a proxy's page": {"kind": "html", "status": 502, "match": EVERYTHING, "times": 2},
    "a login page": {"kind": "html", "status": 200, "match": EVERYTHING, "times": 2},
    "a proxy's limit": {"kind": "html", "status": 413},
    "redirect": {"kind": "redirect", "status": 307, "location": "https://login.example/"},
    "cut body": {"kind": "cut_body", "after": 100},
    "slow body": {"kind": "slow_body", "rate": 2_000_000},
    "hung body": {"kind": "hang_body", "after": 100},
    "500 before the insert": {"kind": "error_before_insert"},
    "quota": {"kind": "quota", "times": 2},
    "answer lost": {"kind": "lose_answer"},
    "slow answer": {"kind": "slow_answer", "seconds": 0.5},
    "500 after the insert": {"kind": "error_after_insert"},
    "twin in the trash": {"kind": "trashed_twin"},
}


class Weather:
    """Draws misfortunes from a seed, and counts them."""

    def __init__(
        self,
        seed: int,
        product: Product,
        immich: Immich,
        networks: list[Hostile],
        *,
        links: list[Door],
    ) -> None:
        self.happened: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._product = product
        self._immich = immich
        self._networks = networks
        self._links = links
        self._closed: set[Door] = set()
        self._pause = threading.Event()

    def rage(self, *, kills: int, stops: bool) -> None:
        """Kill the server so many times, and let other things go wrong in between.

        With `stops` it is also asked to end, which may take it some seconds.
        """
        faults = list(FAULTS)
        chances = [5, int(stops), 6, 8, 3 if self._links else 0]
        while self.happened["kill -9"] < kills:
            self._pause.wait(self._random.uniform(0.02, 0.25))
            what = self._random.choices(HAPPENS, chances)[0]
            if what == "kill":
                self._product.kill()
                self.happened["kill -9"] += 1
                self._come_back()
            elif what == "stop":
                assert self._product.stop() == 0, self._product.log
                self.happened["SIGTERM"] += 1
                self._come_back()
            elif what == "network":
                self._upset(self._random.choice(self._networks))
            elif what == "link":
                self._close_or_open(self._random.choice(self._links))
            else:
                faults = faults or list(FAULTS)
                self._harm(faults.pop(self._random.randrange(len(faults))))
        self.calm()

    def calm(self) -> None:
        """Let everything be well again; what waits is due at once."""
        self._immich.control("DELETE", "faults")
        self._immich.control("POST", "up")
        for door in list(self._closed):
            self._close_or_open(door)
        for network in self._networks:
            network.allowance = network.rate = None
        self._product.kill()
        self._come_back()

    def _upset(self, network: Hostile) -> None:
        network.allowance = self._random.choice([None, None, 50_000, 1_000_000, 5_000_000])
        network.cut()
        self.happened["network cut"] += 1

    def _harm(self, name: str) -> None:
        self._immich.control("DELETE", "faults")
        self._immich.control("POST", "faults", [FAULTS[name]])
        self.happened[f"Immich: {name}"] += 1

    def _close_or_open(self, door: Door) -> None:
        self._closed ^= {door}
        closes = door in self._closed
        door.allow(self._immich, not closes)
        self.happened["link closed" if closes else "link opened"] += 1

    def _come_back(self) -> None:
        let_time_pass(self._product)
        self._product.start()


def let_time_pass(product: Product) -> None:
    """Make whatever waits for its next delivery due; the product is not running."""
    with closing(sqlite3.connect(product.folder / "data" / "state.db")) as db, db:
        db.execute("UPDATE uploads SET retry_at = 1, attempts = 1 WHERE retry_at IS NOT NULL")
