"""The performance budgets we set ourselves, and whether a run kept them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.results import Standing

Standings = Mapping[str, Sequence[Standing]]
"""The standings of every workload, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A bound on one figure of one contestant, absolute or as a ratio to another contestant's."""

    what: str
    workload: str
    name: str
    figure: str
    bound: float
    most: bool = True
    """Whether the bound is a maximum; else it is a minimum."""
    to: str | None = None

    def line(self, standings: Standings) -> str | None:
        """Report the figure and the verdict; None if it was not measured."""
        value = self._value(standings)
        if value is None:
            return None
        kept = value <= self.bound if self.most else value >= self.bound
        sign = "<=" if self.most else ">="
        return (
            f"  {'kept  ' if kept else 'MISSED'} {self.what}: {value:.2f} ({sign} {self.bound:g})"
        )

    def _value(self, standings: Standings) -> float | None:
        found = {standing.name: standing for standing in standings.get(self.workload, ())}
        value = _figure(found.get(self.name), self.figure)
        if self.to is None or value is None:
            return value
        measure = _figure(found.get(self.to), self.figure)
        return value / measure if measure else None


def _figure(standing: Standing | None, name: str) -> float | None:
    value = getattr(standing, name, None)
    return float(value) if value is not None else None


def _least(what: str, workload: str, name: str, bound: float, to: str) -> Budget:
    return Budget(
        what=what, workload=workload, name=name, figure="mb_s", bound=bound, most=False, to=to
    )


def _most(what: str, workload: str, figure: str, bound: float, name: str = "drop") -> Budget:
    return Budget(what=what, workload=workload, name=name, figure=figure, bound=bound)


def _thrift(what: str, workload: str, name: str, bound: float, to: str) -> Budget:
    return Budget(what=what, workload=workload, name=name, figure="cpu_gb", bound=bound, to=to)


BUDGETS = (
    _least("big file, neither syncs", "big", "drop, no sync", 0.85, "sink"),
    _least("big file, we sync", "big", "drop", 0.72, "sink"),
    _least("many small, neither syncs", "photos", "drop, no sync, creation", 0.65, "sink"),
    _least("many small, both sync", "photos", "drop, creation", 0.65, "sink, sync"),
    _thrift("CPU per GB, big file, neither syncs", "big", "drop, no sync", 1.1, "sink"),
    _thrift("CPU per GB, big file, both sync", "big", "drop", 1.1, "sink, sync"),
    _most("MB resident, big file", "big", "rss", 60),
    _most("ms until the loop answers, big file", "big", "p99", 15),
    _most("MB resident, 500 slow phones", "phones", "rss", 200),
    _least("forwarding a big file", "forward-big", "drop", 1.0, "sendfile"),
    _most("ms until the loop answers, forwarding", "forward-big", "p99", 15, "drop, asked"),
    _least("forwarding small files", "forward-small", "drop", 0.95, "sendfile"),
    _least("into Immich, big file", "whole-big", "drop", 0.91, "curl"),
)


def verdicts(standings: Standings) -> list[str]:
    """Report on every budget that a run measured."""
    return [line for budget in BUDGETS if (line := budget.line(standings))]
