"""Condenses many runs into one figure each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from bench.meter import Figures

Runs = Mapping[str, Sequence[Figures]]
"""Every run of a workload, by contestant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a contestant did in a workload; a field is None where it was not measured."""

    name: str
    speed: float | None
    """As a ratio to the yardstick's."""
    mb_s: float
    files_s: float
    cpu_gb: float | None
    """CPU-seconds per GB."""
    cpu: float | None
    """The same, as a ratio to the yardstick's."""
    rss: float | None
    p99: float | None
    runs: int
    more: Mapping[str, float] = field(default_factory=dict)


def standings(runs: Runs, yardstick: str) -> list[Standing]:
    """Compare the contestants of a workload."""
    calm = {name: _quieter_half(figures) for name, figures in runs.items() if figures}
    measure = calm.get(yardstick)
    return [_standing(name, figures, len(runs[name]), measure) for name, figures in calm.items()]


def to_json(standing: Standing) -> dict[str, object]:
    """Return a standing as a JSON object."""
    return {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in asdict(standing).items()
    }


def _standing(
    name: str, figures: Sequence[Figures], runs: int, measure: Sequence[Figures] | None
) -> Standing:
    seconds, cpu = _middle(figures, "seconds"), _middle(figures, "cpu")
    size = figures[0].size
    usual_cpu = _middle(measure, "cpu") if measure else None
    usual = _middle(measure, "seconds") if measure else None
    assert seconds is not None
    return Standing(
        name=name,
        speed=usual / seconds if usual else None,
        mb_s=size / seconds / 1e6,
        files_s=figures[0].files / seconds,
        cpu_gb=None if cpu is None else cpu / size * 1e9,
        cpu=cpu / usual_cpu if cpu is not None and usual_cpu else None,
        rss=_middle(figures, "rss"),
        p99=_middle(figures, "p99"),
        runs=runs,
        more={key: median(f.more[key] for f in figures) for key in figures[0].more},
    )


def _quieter_half(figures: Sequence[Figures]) -> list[Figures]:
    """Return the half of the runs during which other programs used the machine least."""
    quiet = sorted(figures, key=lambda run: run.noise)
    return quiet[: math.ceil(len(quiet) / 2)]


def _middle(figures: Sequence[Figures], name: str) -> float | None:
    values = [value for run in figures if (value := getattr(run, name)) is not None]
    return median(values) if values else None
