"""The chart of a run: speed relative to the yardstick, as SVG."""

from collections.abc import Mapping, Sequence
from html import escape

from bench.results import Standing

ROW, HEAD, LEFT, WIDE, GAP = 18, 44, 190, 420, 22
"""Pixels: height of a bar's row and of a title, width of the names and of the longest bar, space
below a workload."""

OURS, OTHERS, YARDSTICK = "#4250af", "#b8bcc8", "#5b6270"

STYLE = "text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600}.n{text-anchor:end}"


def plot(standings: Mapping[str, Sequence[Standing]], titles: Mapping[str, str]) -> str:
    """Draw a bar for every contestant in every workload whose yardstick was measured."""
    parts: list[str] = []
    y = 10
    for name, several in standings.items():
        compared = [standing for standing in several if standing.speed is not None]
        if len(compared) < 2:
            continue
        parts.append(f'<text class="t" x="10" y="{y + 26}">{escape(titles[name])}</text>')
        y += HEAD
        parts += _bars(sorted(compared, key=lambda s: -s.mb_s), y)
        y += ROW * len(compared) + GAP
    width = LEFT + WIDE + 80
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}">'
        f'<style>{STYLE}</style><rect width="{width}" height="{y}" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _bars(standings: Sequence[Standing], top: int) -> list[str]:
    longest = max(standing.speed or 0 for standing in standings)
    parts: list[str] = []
    for row, standing in enumerate(standings):
        y, speed = top + row * ROW, standing.speed or 0
        length = WIDE * speed / longest
        color = OURS if standing.name.startswith("drop") else OTHERS
        bar = f'width="{length:.1f}" height="{ROW - 5}" fill="{color}"'
        parts += [
            f'<text class="n" x="{LEFT - 8}" y="{y + 12}">{escape(standing.name)}</text>',
            f'<rect x="{LEFT}" y="{y + 2}" {bar}/>',
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 12}">{speed:.2f}</text>',
        ]
    bottom, x = top + len(standings) * ROW, LEFT + WIDE / longest
    parts.append(
        f'<path d="M{x:.1f} {top - 4}V{bottom}" stroke="{YARDSTICK}" stroke-dasharray="3 3"/>'
    )
    return parts
