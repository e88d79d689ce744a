"""Five hundred phones on a slow network, in one process.

`python -m bench.phones` reads a plan as JSON; each file is sent by its own phone, at RATE.
"""

import json
import sys
import time
from pathlib import Path

from bench.load import STRIDE, Guest, Plan
from bench.wire import Source

RATE = 125_000
"""Bytes that a phone sends per second: 1 Mbit/s."""

BEAT = 0.1
"""Seconds between two bursts of one phone."""


def send_slowly(plan: Plan) -> dict[str, float]:
    """Send all files at the same time; return `seconds`, and how `late` the last phone was."""
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
    """Carry out the plan on standard input."""
    print(json.dumps(send_slowly(Plan(**json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
