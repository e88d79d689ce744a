"""Five hundred phones on a slow network, in a process of its own.

`python -m bench.phones` reads a plan as JSON; each file is a phone that sends at RATE.
"""

import json
import sys
import time
from pathlib import Path

from bench.load import STRIDE, Guest, Plan
from bench.wire import Source

RATE = 125_000
"""Bytes a phone sends in a second: 1 Mbit/s."""

BEAT = 0.1
"""Seconds between two bursts of one phone."""


def send_slowly(plan: Plan) -> dict[str, float]:
    """Send all files side by side; gives `seconds`, and how `late` the last phone was."""
    source = Source(Path(plan.source))
    phones = [Guest(plan, source, {}) for _ in range(plan.files)]
    start = time.perf_counter()
    for number, phone in enumerate(phones):
        phone.begin(number)
    begun = time.perf_counter()
    share = int(RATE * BEAT)
    for beat, offset in enumerate(range(0, plan.size, share)):
        pause = begun + beat * BEAT - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        for number, phone in enumerate(phones):
            source.send(phone.socket, number * STRIDE + offset, min(share, plan.size - offset))
    for phone in phones:
        phone.end()
    end = time.perf_counter()
    return {"seconds": end - start, "late": end - begun - plan.size / RATE}


def main() -> None:
    """Carry out the plan on the standard input."""
    print(json.dumps(send_slowly(Plan(**json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
