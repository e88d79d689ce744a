"""Measures how long everybody else waits while a server is under load."""

import threading
import time
from typing import Self

from bench.wire import Connection, Refused

PAUSE = 0.01
"""Seconds from an answer to the next request."""


class Probe:
    """Sends a server the same small request again and again."""

    def __init__(self, port: int, path: str) -> None:
        self._connection = Connection(("127.0.0.1", port))
        self._method, _, self._path = path.rpartition(" ")
        self._waits: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._connection.ask(self._method or "GET", self._path)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._connection.close()

    @property
    def p99(self) -> float:
        """Milliseconds within which 99 of 100 requests were answered."""
        waits = sorted(self._waits)
        return waits[int(len(waits) * 0.99)] * 1000 if waits else 0.0

    def _work(self) -> None:
        while not self._over.wait(PAUSE):
            start = time.perf_counter()
            try:
                self._connection.ask(self._method or "GET", self._path)
            except (OSError, Refused):
                self._waits.append(60.0)
                return
            self._waits.append(time.perf_counter() - start)
