"""What every answer has in common: headers, errors as JSON, one line in the log."""

import json
import logging
from http import HTTPStatus
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import Finish, HTTPError, RequestHandler

from immich_drop.errors import BadRequest, DropError, MethodNotAllowed, NotFound
from immich_drop.handlers.parts import Parts
from immich_drop.tus import is_session

log = logging.getLogger(__name__)

PERMISSIONS = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), usb=()"

_NAMES = {460: "Checksum Mismatch", 499: "Client Closed Request"}


class DropHandler(RequestHandler):
    """Translates between HTTP and the two halves; decides nothing."""

    def initialize(self, parts: Parts) -> None:
        """Take what the routing table gives."""
        self.parts = parts
        self.failure: DropError | None = None
        """Why the request was refused, for its line in the log."""

    def set_default_headers(self) -> None:
        """Say what holds for every answer."""
        self.clear_header("Server")
        self.clear_header("Content-Type")  # Tornado's is text/html, which nothing is but the page
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Permissions-Policy", PERMISSIONS)
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> Any:
        """Refuse a foreign Host, and what another site asks, before anything else."""
        self.parts.forwarded.check_host(self.request)
        self.parts.forwarded.check_origin(self.request)

    @property
    def address(self) -> str:
        """The guest's address."""
        return self.parts.forwarded.address(self.request)

    def read_json(self) -> dict[str, Any]:
        """Read a JSON object from the body. Raises BadRequest."""
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise BadRequest("the body is not JSON") from None
        if not isinstance(body, dict):
            raise BadRequest("the body is not an object")
        return body

    def read_session(self) -> str:
        """Read the session which a guest's page names. Raises BadRequest."""
        session = self.request.headers.get("Drop-Session", "")
        if not is_session(session):
            raise BadRequest("no Drop-Session")
        return session

    def put_headers(self, headers: dict[str, str]) -> None:
        """Set several headers."""
        for name, value in headers.items():
            self.set_header(name, value)

    def explain(self, error: DropError) -> None:
        """Make the answer out of an error."""
        self.set_status(error.status, _NAMES.get(error.status))
        if error.retry_after is not None:
            self.set_header("Retry-After", str(error.retry_after))
        self.set_header("Content-Type", "application/json; charset=utf-8")
        body = json.dumps({"code": error.code, "message": error.message}).encode()
        if self.request.method != "HEAD":
            # So that the answer is whole as soon as it is there, whatever of a body still comes.
            self.set_header("Content-Length", str(len(body)))
            self.write(body)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an exception; Tornado's own ones are translated into ours."""
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, HTTPError):
            error = _translate(error)
        self.explain(error if isinstance(error, DropError) else DropError())
        self.finish()

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log a failure nobody foresaw with its traceback; the others are in the request's line."""
        if isinstance(value, DropError):
            self.failure = value
        elif not isinstance(value, HTTPError | StreamClosedError | Finish):
            log.error("%s %s", self.request.method, self.request.path, exc_info=(typ, value, tb))


class NotFoundHandler(DropHandler):
    """Every URL that is not ours."""

    def prepare(self) -> None:
        """Answer before the method is looked up."""
        raise NotFound(self.request.path[:80])


def _translate(error: HTTPError) -> DropError:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed()
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound()
    return BadRequest(str(error)) if error.status_code < 500 else DropError(str(error))
