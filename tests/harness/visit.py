"""A guest at one drop, at `/` or by a shared link; cookies are kept as in a browser."""

import json
import secrets
from collections.abc import Mapping
from http.cookies import Morsel, SimpleCookie
from typing import Any, Self
from urllib.parse import quote

from harness.immich import Link
from harness.product import Product
from harness.tus import OCTETS, VERSION, metadata, path_of
from harness.websocket import WebSocket
from harness.wire import Connection, Response

PHOTO = {"filename": "photo.jpg"}


class Visit:
    """One browser; it has its own IP address if the product trusts 127.0.0.1 as a proxy."""

    def __init__(self, product: Product, path: str = "", *, guest: str | None = None) -> None:
        self.product = product
        self.path = path
        """The prefix of /files/ and the other paths."""
        self.session = secrets.token_hex(16)
        self.cookies: dict[str, Morsel[str]] = {}
        self.headers = {"X-Forwarded-For": guest or f"2001:db8:{secrets.token_hex(2)}::1"}

    @classmethod
    def by_key(cls, product: Product, link: Link, **more: Any) -> Self:
        return cls(product, f"/share/{link.key}", **more)

    @classmethod
    def by_name(cls, product: Product, name: str, **more: Any) -> Self:
        return cls(product, f"/s/{quote(name, safe='')}", **more)

    def ask(
        self,
        method: str,
        what: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        """Send a request to a path below the drop's own."""
        return self.ask_at(self.path + what, method, headers, body)

    def ask_at(
        self,
        target: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        """Send a request to an absolute path."""
        own = self.headers | self._cookie()
        with Connection(self.product.address) as connection:
            answer = connection.ask(method, target, own | dict(headers or {}), body)
        for name, morsel in SimpleCookie(answer.get("Set-Cookie") or "").items():
            self.cookies[name] = morsel
        return answer

    def tell(self, what: str, body: object, **headers: str) -> Response:
        """POST JSON."""
        return self.ask("POST", what, headers, json.dumps(body).encode())

    def config(self) -> Response:
        return self.ask("GET", "/api/config")

    def unlock(self, password: object) -> Response:
        return self.tell("/api/unlock", {"password": password})

    def create(self, data: bytes, *, length: int | None = None, **values: str) -> Response:
        """Request the creation of an upload that begins with `data`."""
        meta = metadata(**{**PHOTO, "session": self.session, **values})
        content = {"Content-Type": OCTETS} if data else {}
        size = {"Upload-Length": str(len(data) if length is None else length)}
        headers = VERSION | size | {"Upload-Metadata": meta} | content
        return self.ask("POST", "/files/", headers, data)

    def upload(self, data: bytes, **values: str) -> str:
        """Upload a whole file, which must succeed, and return the path of its URL."""
        answer = self.create(data, **values)
        assert answer.status == 201, answer
        assert answer["Upload-Offset"] == str(len(data))
        return path_of(answer["Location"])

    def known(self, *checksums: str) -> Response:
        question = {"session": self.session, "checksums": list(checksums)}
        return self.tell("/api/known", question)

    def uploads(self, session: str | None = None) -> list[dict[str, Any]]:
        """Return the snapshot of a session (default: this browser's)."""
        answer = self.ask("GET", "/api/uploads", {"Drop-Session": session or self.session})
        assert answer.status == 200, answer
        return list(answer.json()["uploads"])

    def waiting(self, code: str) -> bool:
        """Tell whether an upload of this browser waits for this reason."""
        return any(each["code"] == code for each in self.uploads())

    def watch(self) -> WebSocket:
        return WebSocket(self.product.address, path=f"{self.path}/ws", headers=self._cookie())

    def _cookie(self) -> dict[str, str]:
        pairs = [f"{name}={morsel.value}" for name, morsel in self.cookies.items()]
        return {"Cookie": "; ".join(pairs)} if pairs else {}
