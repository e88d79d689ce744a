"""The log: one line per event, for people or for machines. File names stay out of it."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What could control a terminal, or end a line."""

_SHORT = {"WARNING": "WARN", "CRITICAL": "FATAL"}


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


def configure(*, level: str, style: str) -> None:
    """Send everything to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Tornado warns of every malformed request and every error status, which we log ourselves.
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    # Pillow warns of damaged photos, about which the host can do nothing.
    logging.captureWarnings(capture=True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)


def _moment(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _logger(record: logging.LogRecord) -> str:
    return record.name.removeprefix("immich_drop.")
