"""Inspects a stand-in in another process and makes it misbehave.

GET  /control/state     its contents, and every exchange it had
POST /control/faults    add a JSON list of faults (see `faults.Fault`)
DELETE /control/faults  end all faults
POST /control/settings  {"maintenance", "service_time", "quota", "version"}, any of them
POST /control/down      {"seconds": s or null}: refuse connections
POST /control/up        accept connections again
POST /control/jobs      run the job queue
POST /control/users     {"name"}: make an account; answers with its id and key
POST /control/links     {"album", "owner": name, ...} as in `make_link`; answers with the link
"""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from immich_drop.standin.faults import Fault
from immich_drop.standin.rows import Link, encode
from immich_drop.standin.server import StandIn
from immich_drop.standin.wire import Release


def start_control(standin: StandIn, port: int = 0) -> tuple[HTTPServer, str]:
    """Listen on loopback, on a separate port that stays open when the stand-in goes down."""
    routes = [(r"/control/(\w+)", ControlHandler, {"standin": standin})]
    server = HTTPServer(Application(routes))
    (bound,) = bind_sockets(port, "127.0.0.1")
    server.add_socket(bound)
    return server, f"http://127.0.0.1:{bound.getsockname()[1]}/control"


class ControlHandler(RequestHandler):
    """Answers in JSON; has no authentication, so it is for loopback only."""

    def initialize(self, standin: StandIn) -> None:
        """Take the stand-in to control."""
        self.standin = standin

    def get(self, what: str) -> None:
        """GET /control/state."""
        if what != "state":
            raise HTTPError(404)
        self._tell(
            {
                "url": self.standin.url,
                "assets": [asdict(each) for each in self.standin.assets],
                "albums": [asdict(each) for each in self.standin.albums],
                "links": [asdict(each) for each in self.standin.library.links.values()],
                "faults": [asdict(each) for each in self.standin.faults.faults],
                "exchanges": [asdict(each) for each in self.standin.exchanges],
            }
        )

    async def post(self, what: str) -> None:
        """Change something; see the module's docstring."""
        body = json.loads(self.request.body or b"{}") or {}
        match what:
            case "faults":
                self.standin.faults.add(*(Fault(**each) for each in body))
            case "settings":
                self._set(**body)
            case "down":
                await self.standin.down(body.get("seconds"))
            case "up":
                self.standin.up()
            case "jobs":
                self.standin.run_jobs()
            case "users":
                key = self.standin.add_user(**body)
                return self._tell({"id": key.user.id, "key": key.secret})
            case "links":
                return self._tell(asdict(self._link(**body)))
            case _:
                raise HTTPError(404)
        return self._tell({})

    def _link(self, *, owner: str = "", expires_at: str | None = None, **options: Any) -> Link:
        return self.standin.make_link(
            owner=self.standin.add_user(owner).user if owner else None,
            expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
            **options,
        )

    def delete(self, what: str) -> None:
        """DELETE /control/faults."""
        if what != "faults":
            raise HTTPError(404)
        self.standin.faults.clear()
        self._tell({})

    def _set(
        self,
        *,
        maintenance: bool | None = None,
        service_time: float | None = None,
        quota: int | None = None,
        version: list[int] | None = None,
    ) -> None:
        if maintenance is not None:
            self.standin.maintenance = maintenance
        if service_time is not None:
            self.standin.service_time = service_time
        if quota is not None:
            self.standin.user.quota = None if quota < 0 else quota
        if version is not None:
            major, minor, patch = version
            self.standin.release = Release.of((major, minor, patch))

    def _tell(self, body: object) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body, default=encode))
