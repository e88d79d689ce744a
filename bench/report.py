"""The table of a workload, for the terminal."""

from collections.abc import Sequence

from bench.results import Standing

COLUMNS = ("speed", "MB/s", "files/s", "CPU-s/GB", "CPU", "RSS MB", "p99 ms")


def table(title: str, yardstick: str, standings: Sequence[Standing]) -> str:
    """Format a workload's standings, fastest first; `speed` and `CPU` are ratios."""
    lines = [f"\n{title}  (speed and CPU: {yardstick} = 1)", _line("", COLUMNS)]
    for standing in sorted(standings, key=lambda s: -s.mb_s):
        more = "  ".join(f"{key} {value:.2f}" for key, value in standing.more.items())
        lines.append(f"{_line(standing.name, _cells(standing))}  {more}".rstrip())
    return "\n".join(lines)


def _line(name: str, cells: Sequence[str]) -> str:
    return f"  {name:26}" + "".join(f"{cell:>10}" for cell in cells)


def _cells(standing: Standing) -> list[str]:
    values = (
        (standing.speed, 2),
        (standing.mb_s, 0),
        (standing.files_s, 1),
        (standing.cpu_gb, 2),
        (standing.cpu, 2),
        (standing.rss, 0),
        (standing.p99, 1),
    )
    return ["-" if value is None else f"{value:.{digits}f}" for value, digits in values]
