"""`python -m bench`: measure, and report the results."""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import machine
from bench.budgets import verdicts
from bench.meter import Calm, Figures
from bench.plot import plot
from bench.process import NotReady
from bench.receiving import Failed
from bench.report import table
from bench.results import Standing, standings, to_json
from bench.tools import RESULTS, gather
from bench.warmth import warm
from bench.wire import Refused
from bench.workloads import Workload, all_workloads

MIB = 1024 * 1024
RESERVE = 8000 * MIB
"""Bytes of warm memory: enough for the largest file and the source it is read from."""

SOURCE = 256 * MIB
"""Bytes of the file that all data is cut from: more than the CPU's cache, less than its memory."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="W", help="workloads to measure")
    parser.add_argument("--who", nargs="+", metavar="C", help="contestants besides the yardstick")
    parser.add_argument("--rounds", type=int, default=3, help="how often (3)")
    parser.add_argument(
        "--scale", type=float, default=0.15, help="part of the full sizes (0.15; 1: 4 GB files)"
    )
    parser.add_argument("--folder", type=Path, help="where the files go, on the disk to measure")
    parser.add_argument("--name", default="latest", help="of the files in bench/results")
    parser.add_argument("--seed", type=int, default=1, help="of the order")
    return parser.parse_args()


def measure(
    workload: Workload, rounds: int, order: random.Random, calm: Calm, folder: Path
) -> dict[str, list[Figures]]:
    """Run every contestant in every round; the order differs from round to round."""
    runs: dict[str, list[Figures]] = {name: [] for name in workload.trials}
    for _ in range(min(rounds, workload.rounds or rounds)):
        for name in order.sample(list(runs), len(runs)):
            calm.wait()
            place = Path(tempfile.mkdtemp(dir=folder))
            try:
                runs[name].append(workload.trials[name](place / "files", folder / "source"))
            except (Failed, NotReady, Refused, OSError, subprocess.SubprocessError) as trouble:
                print(f"  {workload.name}, {name}: no figures: {trouble}", file=sys.stderr)
            finally:
                shutil.rmtree(place)
                os.sync()
    return runs


def choose(workloads: Sequence[Workload], only: list[str] | None) -> list[Workload]:
    """Pick workloads by name; exit if one does not exist."""
    names = [workload.name for workload in workloads]
    if wrong := set(only or ()) - set(names):
        sys.exit(f"no {', '.join(sorted(wrong))}; there are {', '.join(names)}")
    return [workload for workload in workloads if not only or workload.name in only]


def keep(
    name: str, found: dict[str, list[Standing]], titles: dict[str, str], about: object
) -> None:
    """Write the figures and their chart to files."""
    workloads = {key: [to_json(s) for s in several] for key, several in found.items()}
    text = json.dumps({"about": about, "titles": titles, "workloads": workloads}, indent=1)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n")
    (RESULTS / f"{name}.svg").write_text(plot(found, titles))


def _reserve() -> int:
    """Return the bytes of memory to warm for a run: RESERVE, but at most half of what is free."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    return min(RESERVE, free // 2)


def main() -> None:
    """Measure what the command line asks for."""
    given = arguments()
    # On SIGTERM, leave through the finally blocks: they end servers and remove files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tools = gather()
    for name, reason in tools.skipped.items():
        print(f"without {name}: {reason}")
    order, calm = random.Random(given.seed), Calm()
    found: dict[str, list[Standing]] = {}
    titles: dict[str, str] = {}
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=given.folder) as temporary,
        warm(_reserve()),
    ):
        folder = Path(temporary)
        with (folder / "source").open("wb") as source:
            for _ in range(SOURCE // MIB):
                source.write(order.randbytes(MIB))
        about = machine.describe(folder) | {"date": f"{datetime.now(UTC):%Y-%m-%d}"}
        about |= {"rounds": given.rounds, "scale": given.scale}
        for workload in choose(all_workloads(tools, given.scale), given.only):
            chosen = workload.among(given.who)
            runs = measure(chosen, given.rounds, order, calm, folder)
            found[workload.name] = standings(runs, workload.yardstick)
            titles[workload.name] = workload.title
            print(table(workload.title, workload.yardstick, found[workload.name]), flush=True)
            keep(given.name, found, titles, about)
    print("\nBudgets\n" + "\n".join(verdicts(found)))


if __name__ == "__main__":
    main()
