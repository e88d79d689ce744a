"""The log: one line an event, whatever a guest sends."""

import json
import logging
import sys

import pytest

from immich_drop.logs import JsonFormatter, TextFormatter

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
