"""`/healthz` and `/readyz`: for whoever watches over the host."""

from immich_drop.handlers.base import DropHandler


class HealthHandler(DropHandler):
    """`GET /healthz`: 200 while the process serves. Immich being down is not our ill health."""

    def get(self) -> None:
        self.finish({"status": "ok"})


class ReadyHandler(DropHandler):
    """`GET /readyz`: 200 when everything is well, else 503; what is not, in short."""

    def get(self) -> None:
        report = self.parts.health.report()
        self.set_status(200 if set(report.values()) == {"ok"} else 503)
        self.finish(dict(report))
