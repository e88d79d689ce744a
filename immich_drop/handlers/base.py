"""What every answer has in common: headers, errors as JSON, one line in the log."""

import json
import logging
import re
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from tornado.iostream import StreamClosedError
from tornado.web import Finish, HTTPError, RequestHandler

from immich_drop.errors import BadRequest, DropError, MethodNotAllowed, NotFound
from immich_drop.handlers.parts import Parts
from immich_drop.immich import ShareKey, ShareSlug
from immich_drop.link import Link, Ref, by_key, scope
from immich_drop.tus import is_session

log = logging.getLogger(__name__)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), usb=()"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""What every answer says, unless it knows better."""

UNLOCKED_DAYS = 7
"""Days for which a guest need not enter the password of a link again."""

_LINK = re.compile(r"(/(?:share|s)(?:/|%2f)+)[^/]+|[\w-]{40,}", re.IGNORECASE)
"""A link's key or name where it belongs, and a key wherever a guest may mistype it to."""

_PHRASES = {460: "Checksum Mismatch"}
"""Reason phrases of statuses that Python does not know."""


class DropHandler(RequestHandler):
    """Translates between HTTP and the two halves; decides nothing."""

    def initialize(self, parts: Parts) -> None:
        """Take what the routing table gives."""
        self.parts = parts
        self.failure: DropError | None = None
        """Why the request was refused, for its line in the log."""
        self.ref: Ref | None = None
        """The link the guest came by; None for the drop at `/`."""

    def set_default_headers(self) -> None:
        """Say what holds for every answer."""
        self.clear_header("Server")
        self.clear_header("Content-Type")  # Tornado's is text/html, which nothing is but the page
        self.put_headers(HEADERS)

    def prepare(self) -> Any:
        """Refuse a foreign Host, and what another site asks, before anything else."""
        self.find_link()
        self.check_sender()

    def find_link(self) -> None:
        """Take the link out of what the routing table matched: the verbs go without."""
        key, slug = self.path_kwargs.pop("key", None), self.path_kwargs.pop("slug", None)
        self.ref = by_key(key) if key else ShareSlug(slug) if slug else None

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Decode what the routing table matched. Raises BadRequest without it: it may be secret."""
        try:
            return super().decode_argument(value, name)
        except HTTPError:
            raise BadRequest(f"{name} is not UTF-8") from None

    def check_sender(self) -> None:
        """Raise BadRequest for a foreign Host, and ForeignOrigin for what another site asks."""
        self.parts.forwarded.notice(self.request)
        self.parts.forwarded.check_host(self.request)
        self.parts.forwarded.check_origin(self.request)

    @property
    def address(self) -> str:
        """The guest's address."""
        return self.parts.forwarded.address(self.request)

    @property
    def url(self) -> str:
        """The absolute address of the drop the guest came to, without a slash at the end."""
        base_url = self.parts.forwarded.base_url(self.request)
        match self.ref:
            case ShareKey(key):
                return f"{base_url}/share/{key}"
            case ShareSlug(slug):
                return f"{base_url}/s/{quote(slug, safe='')}"
        return base_url

    @property
    def verbs(self) -> list[str]:
        """The methods this URL has: those that answer otherwise than PUT, which no URL has."""
        known, handler = self.SUPPORTED_METHODS, type(self)
        return [verb for verb in known if getattr(handler, verb.lower()) is not handler.put]

    async def enter(self) -> Link:
        """Let the guest into the drop they came to. Raises what Entrance.enter raises."""
        return await self.parts.entrance.enter(
            self.ref, unlocked=self._unlocked(), address=self.address
        )

    def keep_unlocked(self, lock: str) -> None:
        """Set the cookie that proves the guest entered the link's password.

        Where the guest is: a browser on plain http drops one for https.
        """
        address = self.parts.forwarded.came_to(self.request)
        self.set_signed_cookie(
            self._cookie,
            lock,
            expires_days=UNLOCKED_DAYS,
            # The link's own path can be spelt in more ways than a browser compares.
            path=f"{urlsplit(address).path}/",
            httponly=True,
            samesite="Strict",
            secure=address.startswith("https:"),
        )

    def _unlocked(self) -> str | None:
        value = self.get_signed_cookie(self._cookie, max_age_days=UNLOCKED_DAYS)
        return value.decode() if value else None

    @property
    def _cookie(self) -> str:
        return f"unlocked-{scope(self.ref)}"

    def scoped(self, session: str) -> str:
        """Prefix a session with its link: one browser has a session of its own for each."""
        return f"{scope(self.ref)}.{session}" if self.ref else session

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
        return self.scoped(session)

    def put_headers(self, headers: dict[str, str]) -> None:
        """Set several headers."""
        for name, value in headers.items():
            self.set_header(name, value)

    def explain(self, error: DropError) -> None:
        """Make the answer out of an error."""
        self.explain_status(error)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        body = json.dumps({"code": error.code, "message": error.message}).encode()
        if self.request.method != "HEAD":
            # So that the answer is whole as soon as it is there, whatever of a body still comes.
            self.set_header("Content-Length", str(len(body)))
            self.write(body)

    def explain_status(self, error: DropError) -> None:
        """Say with the status what an error says."""
        self.failure = error
        self.set_status(error.status, _PHRASES.get(error.status))
        if isinstance(error, MethodNotAllowed):
            self.set_header("Allow", ", ".join(self.verbs))
        if error.retry_after is not None:
            self.set_header("Retry-After", str(error.retry_after))

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
            path = blanked(self.request.path)
            log.error("%s %s", self.request.method, path, exc_info=(typ, value, tb))


class NotFoundHandler(DropHandler):
    """Every URL that is not ours."""

    def prepare(self) -> None:
        """Answer before the method is looked up."""
        raise NotFound(blanked(self.request.path)[:80])


def blanked(path: str) -> str:
    """Make a path fit for the log: a link's key or name is a secret."""
    return _LINK.sub(lambda found: f"{found[1] or ''}…", path)


def _translate(error: HTTPError) -> DropError:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed()
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound()
    return BadRequest(str(error)) if error.status_code < 500 else DropError(str(error))
