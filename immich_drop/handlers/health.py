"""`/healthz`, `/readyz` and `/metrics`: for whoever watches over the host."""

from immich_drop.errors import NotFound
from immich_drop.handlers.base import DropHandler
from immich_drop.metrics import CONTENT_TYPE


class WatchHandler(DropHandler):
    """What a monitor asks, by whatever name it has for us: another container's, as a rule."""

    def check_sender(self) -> None:
        """Take any Host: what is told here is no secret."""
        self.parts.forwarded.check_origin(self.request)


class HealthHandler(WatchHandler):
    """`GET /healthz`: 200 while the process serves. Immich being down is not our ill health."""

    def get(self) -> None:
        self.finish({"status": "ok"})

    head = get


class ReadyHandler(WatchHandler):
    """`GET /readyz`: 200 when everything is well, else 503; what is not, in short."""

    async def get(self) -> None:
        report = await self.parts.health.report()
        self.set_status(200 if set(report.values()) == {"ok"} else 503)
        self.finish(dict(report))

    head = get


class MetricsHandler(WatchHandler):
    """`GET /metrics`, when the host switched it on."""

    async def get(self) -> None:
        if self.parts.metrics is None:
            raise NotFound("METRICS is off")
        self.parts.requests.spend(self.address)
        await self.parts.health.report()  # renews what drop_ready tells
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self.parts.metrics.text())
