"""The log: one line an event, whatever a guest sends."""

import json
import logging
import os
import subprocess
import sys

import pytest

from immich_drop.logs import JsonFormatter, LossyHandler, TextFormatter

GIVEN_UP = """
import asyncio
from datetime import timedelta
from tornado.gen import with_timeout
from immich_drop import logs

async def main():
    late = asyncio.get_running_loop().create_future()
    try:
        await with_timeout(timedelta(0), late)
    except TimeoutError:
        late.set_exception(OSError("the name server is silent"))
    await asyncio.sleep(0)

logs.configure(level="INFO", style="text")
asyncio.run(main())
"""

HOSTILE = "a\r\n2026-07-04T20:15:30Z ERROR forged\x1b[2J\x9b1A\u2028\x00 Süße 🐱"


def record(message: str, *args: object, level: int = logging.WARNING) -> logging.LogRecord:
    made = logging.LogRecord("immich_drop.receive", level, __file__, 1, message, args, None)
    made.created = 1_783_196_130.5
    return made


def test_a_line_for_people() -> None:
    line = TextFormatter().format(record("upload=%s %s", "x", HOSTILE))
    assert line.startswith("2026-07-04T20:15:30Z WARN receive upload=x a\\r\\n2026")
    assert line.isprintable()
    assert line.endswith("Süße 🐱")


def test_a_line_for_machines() -> None:
    line = JsonFormatter().format(record("%s", HOSTILE))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2026-07-04T20:15:30Z",
        "level": "WARNING",
        "logger": "receive",
        "message": HOSTILE,
    }


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_a_failure_nobody_foresaw(formatter: logging.Formatter) -> None:
    made = record("it failed", level=logging.ERROR)
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        made.exc_info = sys.exc_info()
    assert "ZeroDivisionError" in formatter.format(made)


def test_a_log_that_nobody_reads_holds_up_nobody() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "w") as stream:
        handler = LossyHandler(stream)
        handler.setFormatter(TextFormatter())
        for _ in range(1000):
            handler.emit(record("x" * 1000))
        kept = reader.read(2**20).count(b"\n")
        assert 0 < kept < 1000
        handler.emit(record("somebody reads again"))
        missing, line = reader.read(2**20).decode().splitlines()
        assert f" {1000 - kept} lines are missing" in missing
        assert line.endswith("somebody reads again")


def test_what_fails_after_it_was_given_up_is_no_news() -> None:
    """While a name server is silent, each look-up ends so."""
    done = subprocess.run(
        [sys.executable, "-c", GIVEN_UP], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stderr == ""
