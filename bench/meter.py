"""What one run used, and whether the machine was otherwise idle."""

import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bench.process import TICK, weigh

CALM = 0.15
"""Cores that other programs may be using when a run starts."""

WINDOW = 0.4
"""Seconds over which their use is measured."""

PATIENCE = 120.0
"""Seconds to wait for calm, over all runs; after that, runs start without waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The results of one run."""

    seconds: float
    size: int
    """Bytes transferred."""
    files: int = 1
    cpu: float | None = None
    """CPU-seconds that the server used."""
    rss: float | None = None
    """MB of memory: the server's peak."""
    p99: float | None = None
    """Milliseconds within which 99 of 100 small requests were answered."""
    noise: float = 0.0
    """Cores used by neither the server nor the load generator."""
    more: dict[str, float] = field(default_factory=dict)
    """Figures that only this workload has, by name."""


class Meter:
    """Measures a server between enter and exit."""

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
    """Waits until no other program keeps the machine busy, for PATIENCE seconds in all."""

    def __init__(self) -> None:
        self._patience = PATIENCE

    def wait(self) -> None:
        """Return once the machine is calm, or the patience is used up."""
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
    """Core-seconds that the machine was not idle, including those stolen by its hypervisor."""
    fields = [int(value) for value in Path("/proc/stat").read_text().split(maxsplit=9)[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK
