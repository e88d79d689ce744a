"""HTTP and WebSocket in and out: every URL of the drop, and what answers it."""

import logging
from pathlib import Path
from typing import Any

from tornado.web import Application, RequestHandler, url

from immich_drop.handlers.api import ConfigHandler, KnownHandler, RetryHandler, UploadsHandler
from immich_drop.handlers.base import DropHandler, NotFoundHandler
from immich_drop.handlers.files import CreationHandler, UploadHandler
from immich_drop.handlers.health import HealthHandler, MetricsHandler, ReadyHandler
from immich_drop.handlers.page import PageHandler
from immich_drop.handlers.parts import Parts
from immich_drop.handlers.ws import EventsHandler
from immich_drop.site import Site

WEB = Path(__file__).parents[2] / "web"

FILES = r"(?:[\w-]+/)*[\w-]+\.(?:js|css|svg|png|webmanifest)"
"""What the page loads."""

log = logging.getLogger(__name__)


def make_application(parts: Parts, *, base_path: str) -> Application:
    """Route every URL. A proxy may strip `base_path` or leave it on: both work."""
    optional = f"(?:{base_path})?" if base_path else ""
    reach: dict[str, Any] = {"parts": parts}
    site = Site(WEB)
    return Application(
        [
            url(rf"{optional}/files/?", CreationHandler, reach),
            url(rf"{optional}/files/([^/]+)", UploadHandler, reach),
            url(rf"{optional}/api/config", ConfigHandler, reach),
            url(rf"{optional}/api/known", KnownHandler, reach),
            url(rf"{optional}/api/uploads", UploadsHandler, reach),
            url(rf"{optional}/api/uploads/([^/]+)/retry", RetryHandler, reach),
            url(rf"{optional}/ws", EventsHandler, reach),
            url(rf"{optional}/healthz", HealthHandler, reach),
            url(rf"{optional}/readyz", ReadyHandler, reach),
            url(rf"{optional}/metrics", MetricsHandler, reach),
            url(rf"{optional}/?", PageHandler, reach | {"site": site}),
            url(rf"{optional}/(?:(v-[0-9a-f]+)/)?({FILES})", PageHandler, reach | {"site": site}),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=reach,
        log_function=_log_request,
        compress_response=True,
        websocket_ping_interval=30,
        websocket_max_message_size=64 * 1024,
    )


def _log_request(handler: RequestHandler) -> None:
    """Write the request's one line: loud only when the fault is ours."""
    status = handler.get_status()
    failure = handler.failure if isinstance(handler, DropHandler) else None
    level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
    log.log(
        level,
        "%s %s %d %s",
        handler.request.method,
        handler.request.path,
        status,
        f"{failure.code} ({failure})" if failure else "",
    )
