"""The log: one line per event, for people or for machines. File names stay out of it."""

import json
import logging
import re
import select
import sys
from datetime import UTC, datetime
from typing import TextIO

log = logging.getLogger(__name__)

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What could control a terminal, or end a line."""

_SHORT = {"WARNING": "WARN", "CRITICAL": "FATAL"}

PATIENCE = 0.1
"""Seconds to wait for whoever reads the log, before its lines are dropped."""


class TextFormatter(logging.Formatter):
    """`2026-07-04T20:15:30Z INFO receive upload=… received`; no value can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Make one line, plus a traceback where there is one."""
        level = _SHORT.get(record.levelname, record.levelname)
        message = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], record.getMessage())
        line = f"{_moment(record)} {level} {_logger(record)} {message}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Make one line; the traceback is a field."""
        fields = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": _logger(record),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class LossyHandler(logging.StreamHandler[TextIO]):
    """Drops lines that nobody reads: a terminal after Ctrl-S must not stop the drop.

    A write to it, or to a pipe that is full, would hold up the event loop until somebody reads.
    """

    _dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it where there is no room for it."""
        if not self._has_room():
            self._dropped += 1
            return
        dropped, self._dropped = self._dropped, 0
        if dropped:
            missing = "%d lines are missing here: nobody read the log"
            super().emit(
                log.makeRecord(log.name, logging.WARNING, "", 0, missing, (dropped,), None)
            )
        super().emit(record)

    def _has_room(self) -> bool:
        try:
            _, ready, _ = select.select([], [self.stream], [], 0 if self._dropped else PATIENCE)
        except (OSError, ValueError, TypeError):  # closed, or none at all: then nothing waits
            return True
        return bool(ready)


def configure(*, level: str, style: str) -> None:
    """Send everything to standard error."""
    handler = LossyHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Tornado warns of every malformed request and every error status, which we log ourselves.
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    logging.getLogger("tornado.application").addFilter(_is_news)
    # Pillow warns of damaged photos, about which the host can do nothing.
    logging.captureWarnings(capture=True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out what failed when it had been given up, and logged, already.

    While a name server is silent, each question to Immich would leave a traceback (Tornado 6.6,
    gen.with_timeout).
    """
    return not str(record.msg).startswith("Exception in Future")


def _moment(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _logger(record: logging.LogRecord) -> str:
    return record.name.removeprefix("immich_drop.")
