"""What one run took, and whether the machine was quiet meanwhile."""

import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bench.process import TICK, weigh

CALM = 0.15
"""Cores that others may be using when a run starts."""

WINDOW = 0.4
"""Seconds over which that is measured."""

PATIENCE = 120.0
"""Seconds to wait for calm in all; after that runs start whatever others do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came out of one run."""

    seconds: float
    size: int
    """Bytes that were moved."""
    files: int = 1
    cpu: float | None = None
    """Seconds the server used."""
    rss: float | None = None
    """MB it held at most."""
    p99: float | None = None
    """Milliseconds within which 99 of 100 small requests were answered."""
    noise: float = 0.0
    """Cores that neither server nor load used."""
    more: dict[str, float] = field(default_factory=dict)
    """What only this workload tells, by what it is called."""


class Meter:
    """Watches a server from enter to exit."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.cpu = self.rss = self.noise = 0.0

    def __enter__(self) -> Self:
        self._before = weigh(self._pid).cpu
        self._load = _own()
        self._busy = _busy()
        self._start = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.monotonic() - self._start
        weight = weigh(self._pid)
        self.cpu, self.rss = weight.cpu - self._before, weight.rss
        ours = self.cpu + _own() - self._load
        self.noise = max(0.0, (_busy() - self._busy - ours) / seconds)


class Calm:
    """Knows when nobody else keeps the machine busy, as long as it has patience."""

    def __init__(self) -> None:
        self._patience = PATIENCE

    def wait(self) -> None:
        """Return when it is calm, or when it is no use to wait any longer."""
        while self._patience > 0:
            before = _busy()
            time.sleep(WINDOW)
            if (_busy() - before) / WINDOW < CALM:
                return
            self._patience -= WINDOW


def _own() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _busy() -> float:
    """Core-seconds of the machine that were not idle; what was stolen from it counts."""
    fields = [int(value) for value in Path("/proc/stat").read_text().split(maxsplit=9)[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK
