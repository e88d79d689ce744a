"""Sends an answer whole and at once, if need be before the request has been read."""

import json
import re
from contextlib import suppress
from pathlib import Path

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from immich_drop.standin.calls import Answer
from immich_drop.standin.wire import Release, correlation_id

RANGE = re.compile(r"bytes=(\d+)-(\d*)")
PIECE = 256 * 1024
"""Bytes read or sent at a time."""


class Sender(RequestHandler):
    """Sends answers as Express does."""

    answered = False
    """Whether an answer was sent; the request may still be coming in."""

    def set_default_headers(self) -> None:
        """Set the headers that Express sets."""
        self.correlation = correlation_id()
        self.clear_header("Server")
        self.set_header("X-Powered-By", "Express")

    def has_body(self) -> bool:
        """Tell whether the request has a body."""
        headers = self.request.headers
        return "Transfer-Encoding" in headers or headers.get("Content-Length", "0") != "0"

    def keeps_alive(self) -> bool:
        """Tell whether the connection may serve another request."""
        return self.request.headers.get("Connection", "").lower() != "close"

    async def send(self, answer: Answer, release: Release) -> None:
        """Send the whole answer now; the request is finished later."""
        self.answered = True
        self._write_head(answer, release)
        with suppress(StreamClosedError):  # the client went away: on_connection_close notes it
            if answer.file:
                await self._send_file(answer.file)
            elif answer.body is None:
                self._write_nothing(answer.status)
            else:
                self._write_body(answer.body)
            await self.flush()

    def _write_head(self, answer: Answer, release: Release) -> None:
        self.set_status(answer.status)
        self.set_header(release.correlation_header(), self.correlation)
        if self.keeps_alive():
            self.set_header("Connection", "keep-alive")
            self.set_header("Keep-Alive", "timeout=5")
        for name, value in answer.headers.items():
            self.set_header(name, value)

    def _write_nothing(self, status: int) -> None:
        self.clear_header("Content-Type")
        if status != 204:
            self.set_header("Content-Length", 0)

    def _write_body(self, body: object) -> None:
        if isinstance(body, str):
            kind, text = "text/html", body
        else:
            kind = "application/json"
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        data = text.encode()
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.set_header("Content-Length", len(data))
        self.write(data)

    async def _send_file(self, path: Path) -> None:
        size = path.stat().st_size
        wanted = self._range(size)
        self.set_header("Accept-Ranges", "bytes")
        if wanted != range(size):
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {wanted.start}-{wanted.stop - 1}/{size}")
        self.set_header("Content-Length", len(wanted))
        with path.open("rb") as file:
            file.seek(wanted.start)
            for start in range(wanted.start, wanted.stop, PIECE):
                self.write(file.read(min(PIECE, wanted.stop - start)))
                await self.flush()

    def _range(self, size: int) -> range:
        """Return the requested bytes; a request for several ranges gets the whole file."""
        match = RANGE.fullmatch(self.request.headers.get("Range", ""))
        if not match:
            return range(size)
        start, end = match.groups()
        return range(int(start), min(size, int(end) + 1 if end else size))
