"""HTTP and WebSocket in and out: every URL of the drop, and what answers it."""

import logging
from pathlib import Path
from typing import Any

from tornado.web import Application, RequestHandler, url

from immich_drop.handlers.api import (
    CodeHandler,
    ConfigHandler,
    KnownHandler,
    RetryHandler,
    UnlockHandler,
    UploadsHandler,
)
from immich_drop.handlers.base import DropHandler, NotFoundHandler, blanked
from immich_drop.handlers.files import CreationHandler, UploadHandler
from immich_drop.handlers.health import HealthHandler, MetricsHandler, ReadyHandler
from immich_drop.handlers.page import PageHandler, PhotoHandler, SlashHandler
from immich_drop.handlers.parts import Parts
from immich_drop.handlers.ws import EventsHandler
from immich_drop.site import Site

WEB = Path(__file__).parents[2] / "web"

FILES = r"(?:[\w-]+/)*[\w-]+\.(?:js|css|svg|png|webmanifest)"
"""What the page loads."""

log = logging.getLogger(__name__)


def make_application(parts: Parts, *, base_path: str, secret: str) -> Application:
    """Route every URL. A proxy may strip `base_path` or leave it on: both work.

    `secret` signs what a guest's browser keeps. A drop is at `/`, and at Immich's own paths for
    shared links: a host who sends one only swaps the host name.
    """
    optional = f"(?:{base_path})?" if base_path else ""
    drop = optional + r"(?:/share/(?P<key>[^/]{1,200})|/s/(?P<slug>[^/]{1,1000}))?"
    reach: dict[str, Any] = {"parts": parts}
    page = reach | {"site": Site(WEB)}
    slash = [url(base_path, SlashHandler, reach)] if base_path else []
    return Application(
        [
            *slash,
            url(rf"{drop}/files/?", CreationHandler, reach),
            url(rf"{drop}/files/(?P<upload_id>[^/]+)", UploadHandler, reach),
            url(rf"{drop}/api/config", ConfigHandler, reach),
            url(rf"{drop}/api/unlock", UnlockHandler, reach),
            url(rf"{drop}/api/known", KnownHandler, reach),
            url(rf"{drop}/api/uploads", UploadsHandler, reach),
            url(rf"{drop}/api/uploads/(?P<upload_id>[^/]+)/retry", RetryHandler, reach),
            url(rf"{drop}/ws", EventsHandler, reach),
            url(rf"{drop}/qr.svg", CodeHandler, reach),
            url(rf"{optional}/healthz", HealthHandler, reach),
            url(rf"{optional}/readyz", ReadyHandler, reach),
            url(rf"{optional}/metrics", MetricsHandler, reach),
            url(rf"{optional}/(?:share|s)/[^/]+", SlashHandler, reach),
            url(rf"{drop}/photos(?P<rest>/.*)?", PhotoHandler, reach),
            url(rf"{drop}/?", PageHandler, page),
            url(rf"{drop}/(?:(?P<version>v-[0-9a-f]+)/)?(?P<name>{FILES})", PageHandler, page),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=reach,
        log_function=_log_request,
        compress_response=True,
        cookie_secret=secret,
        websocket_ping_interval=30,
        websocket_max_message_size=64 * 1024,
    )


def _log_request(handler: RequestHandler) -> None:
    """Write the request's one line: loud only when the fault is ours."""
    status = handler.get_status()
    failure = handler.failure if isinstance(handler, DropHandler) else None
    log.log(
        _level(handler, status),
        "%s %s %d %s",
        handler.request.method,
        blanked(handler.request.path),
        status,
        f"{failure.code} ({failure})" if failure else "",
    )


def _level(handler: RequestHandler, status: int) -> int:
    if status < 400 or isinstance(handler, ReadyHandler):
        return logging.DEBUG  # what is not ready was said once, and a monitor asks day and night
    return logging.INFO if status < 500 else logging.WARNING
