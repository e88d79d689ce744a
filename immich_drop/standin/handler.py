"""One request: its headers, its body, its answer, and the faults that strike it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from tornado.http1connection import HTTP1Connection
from tornado.web import stream_request_body

from immich_drop.standin.bodies import Body, BodyReader, FormReader, PlainReader
from immich_drop.standin.calls import Answer, Call, Route, authenticate
from immich_drop.standin.faults import AT_BODY, AT_HEADERS, AT_INSERT, Fault, Kind, first, pause
from immich_drop.standin.routes import find_route
from immich_drop.standin.sender import Sender
from immich_drop.standin.uploads import duplicate, known
from immich_drop.standin.wire import Refusal

if TYPE_CHECKING:
    from immich_drop.standin.server import StandIn

PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


@stream_request_body
class ApiHandler(Sender):
    """Answers every request as Immich would."""

    def initialize(self, standin: StandIn) -> None:
        """Keep the stand-in that answers the request."""
        self.standin = standin
        self._faults: list[Fault] = []
        self._woken = standin.faults.woken
        self._route: Route | None = None
        self._path: tuple[str, ...] = ()
        self._reader: BodyReader | None = None
        self._refusal: Refusal | None = None
        self._received = 0
        self._noted = False

    async def prepare(self) -> None:
        """Answer before the body where Immich does so, else prepare to read the body."""
        self._continue()
        name = self._name()
        self._faults = self.standin.faults.draw(name)
        self._woken = self.standin.faults.woken
        if fault := first(self._faults, {Kind.DOWN}):
            self._drop()
            self.standin.refuse(fault.seconds)
            return
        try:
            early = self._strike() or self._admit(name)
        except Refusal as refusal:
            early = self._error(refusal)
        if early:
            await self._answer_early(early)

    async def data_received(self, chunk: bytes) -> None:
        """Take the next piece of the body; Tornado answers no exception that is raised here."""
        self._received += len(chunk)
        if self._reader is not None:
            await self._feed(self._reader, chunk)
        await self._disturb(len(chunk))

    async def _feed(self, reader: BodyReader, chunk: bytes) -> None:
        try:
            reader.feed(chunk)
        except Refusal as refusal:
            self._forget_body()
            self._refusal = refusal
            # Up to multer 2.0 a form is refused at once; later versions read the rest first.
            if self.standin.release.version < (2, 6, 0):
                await self._answer_early(self._error(refusal))

    async def _respond(self) -> None:
        """Answer once the body is read."""
        if not self.answered:
            try:
                answer = await self._answer()
            except Refusal as refusal:
                answer = self._error(refusal)
            if first(self._faults, {Kind.LOSE_ANSWER}):
                self._drop()
                return
            if slow := first(self._faults, {Kind.SLOW_ANSWER}):
                await pause(self._woken, slow.seconds)
            await self.send(answer, self.standin.release)
        self.finish()

    get = head = post = put = patch = delete = options = _respond

    def on_finish(self) -> None:
        """Clean up and record the exchange."""
        self._end(self.get_status())

    def on_connection_close(self) -> None:
        """Discard the body: the client went away."""
        super().on_connection_close()
        self._end(0)

    def _drop(self) -> None:
        """End the connection without an answer."""
        self.detach().close()
        self._end(0)

    def _end(self, status: int) -> None:
        self._forget_body()
        if not self._noted:
            self._noted = True
            self.standin.note(self._name(), status, self._received)

    @property
    def _connection(self) -> HTTP1Connection:
        return cast(HTTP1Connection, self.request.connection)

    def _name(self) -> str:
        """Return `METHOD /path`, with the path below /api."""
        path = self.request.path
        below = path.removeprefix("/api") if path.startswith("/api/") else path
        return f"{self.request.method} {below.rstrip('/') or '/'}"

    def _continue(self) -> None:
        """Answer `Expect` before any check, as Node does; Tornado would do it after the answer."""
        if self.request.headers.get("Expect", "").lower() == "100-continue":
            del self.request.headers["Expect"]
            self._connection.stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _strike(self) -> Answer | None:
        """Return the answer of a fault, if one strikes now; raises Refusal for an Immich error."""
        match first(self._faults, AT_HEADERS):
            case Fault(kind=Kind.STATUS) as fault:
                raise Refusal(fault.status, fault.message or HTTPStatus(fault.status).phrase)
            case Fault(kind=Kind.MAINTENANCE):
                raise self._unknown()
            case Fault(kind=Kind.HTML) as fault:
                return Answer(fault.status, PAGE.format(HTTPStatus(fault.status).phrase))
            case Fault(kind=Kind.REDIRECT) as fault:
                return Answer(fault.status, headers={"Location": fault.location})
        return None

    def _admit(self, name: str) -> Answer | None:
        """Find the route; authenticate now if the body is streamed."""
        method, _, path = name.partition(" ")
        if not self.request.path.startswith(("/api/", "/.well-known/")):
            return self._page()
        found = find_route(method, path, self.standin.release)
        if found is None or (self.standin.maintenance and not self._alive(found[0])):
            raise self._unknown()
        self._route, self._path = found
        kind = self.request.headers.get("Content-Type", "")
        self._reader = PlainReader(kind)
        if not self._route.streams:
            return None
        call = self._call(self._route, Body())
        checksum = self.request.headers.get("x-immich-checksum")
        if checksum and (asset := known(call, checksum)):
            return duplicate(asset)
        if kind.startswith("multipart/"):
            folder = self.standin.library.incoming
            allowed = call.link is None or call.link.allow_upload
            self._reader = FormReader(self.standin.release, folder, kind, allowed=allowed)
        return None

    def _alive(self, route: Route) -> bool:
        return self.standin.release.version >= route.in_maintenance

    def _unknown(self) -> Refusal:
        return Refusal(404, f"Cannot {self.request.method} {self.request.path}")

    def _page(self) -> Answer:
        """Answer a path outside /api: the page of Immich's web app, or its error."""
        if self.request.headers.get("Accept") != "application/json":
            return Answer(200, PAGE.format("Immich"))
        path = self.request.path
        only = f"The route {path} was requested as application/json, but only returns text/html"
        raise Refusal(406, only, bare=True)

    def _call(self, route: Route, content: Body) -> Call:
        """Build the call that an endpoint gets; raises Refusal if the caller is not allowed."""
        insert = first(self._faults, AT_INSERT)
        call = Call(
            library=self.standin.library,
            release=self.standin.release,
            path=self._path,
            query={name: self.get_query_argument(name) for name in self.request.query_arguments},
            headers=self.request.headers,
            content=content,
            maintenance=self.standin.maintenance,
            fault=insert.kind if insert else None,
        )
        return authenticate(call, route)

    async def _disturb(self, size: int) -> None:
        """Let a fault strike while the body is read."""
        fault = first(self._faults, AT_BODY)
        if fault is None or self._received < fault.after:
            return
        if fault.kind is Kind.CUT_BODY:
            self._connection.close()
            return
        seconds = size / fault.rate if fault.kind is Kind.SLOW_BODY else None
        if await pause(self._woken, seconds):
            self._faults.remove(fault)

    async def _answer(self) -> Answer:
        if self._refusal or not self._reader or not self._route:
            raise self._refusal or self._unknown()
        content = self._reader.close()
        if self._route.streams:
            await self.standin.serve()
        return self._route.endpoint(self._call(self._route, content))

    def _error(self, refusal: Refusal) -> Answer:
        return Answer(refusal.status, self.standin.release.error(refusal, self.correlation))

    async def _answer_early(self, answer: Answer) -> None:
        """Answer before the body is read.

        With `Connection: close` Node then closes without reading the rest; else it reads the rest.
        """
        self._forget_body()
        await self.send(answer, self.standin.release)
        if self.has_body() and not self.keeps_alive():
            self.finish()

    def _forget_body(self) -> None:
        if self._reader:
            self._reader.discard()
            self._reader = None
