"""The page: static files, each asked for again every time, and answered by 304 when it is the same.

So an update is safe without hashed names: no old module is ever mixed with a new one.
"""

from pathlib import Path
from typing import Any

from tornado.web import StaticFileHandler

from immich_drop.handlers.base import DropHandler
from immich_drop.handlers.parts import Parts

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " media-src blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class PageHandler(DropHandler, StaticFileHandler):
    """`GET /` and what the page loads."""

    def initialize(self, parts: Parts, path: Path) -> None:  # type: ignore[override]
        """Take what the routing table gives."""
        DropHandler.initialize(self, parts)
        StaticFileHandler.initialize(self, str(path), default_filename="index.html")

    def set_extra_headers(self, path: str) -> None:
        """Say what the page may do, and that it may be kept but not trusted."""
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header("Cache-Control", "no-cache")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        DropHandler.write_error(self, status_code, **kwargs)
