"""The guests of the soak test: they finish, resume, watch, give up, and come back too late."""

import json
import os
import secrets
import socket
from base64 import b64encode
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection

SIZE = 4096
FILES = 10
"""Files of one guest, besides the one that is abandoned."""
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


class Unexpected(Exception):
    """The drop did not answer as it should."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status}: {body[:200]!r}")
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """An upload of which only half was sent."""

    session: str
    location: str


class Visitors:
    """Makes visits to the drop at a port."""

    def __init__(self, port: int) -> None:
        self._port = port

    def visit(self) -> Abandoned:
        """Be one guest: some files in one request each, one cut and resumed, one given up."""
        session = secrets.token_urlsafe(16)
        guest = self._connect()
        page = self._watch(session)
        for item in range(FILES - 1):
            _create(guest, session, str(item), secrets.token_bytes(SIZE))
        self._bring_after_a_cut(guest, _create(guest, session, "cut", b""))
        given_up = _create(guest, session, "late", b"")
        self._cut(given_up, secrets.token_bytes(SIZE))
        guest.close()
        page.close()
        return Abandoned(session=session, location=given_up)

    def come_back(self, abandoned: Abandoned) -> bool:
        """Upload the whole file after all; return whether it was too late to resume."""
        data = secrets.token_bytes(SIZE)
        with closing(self._connect()) as guest:
            try:
                self._finish(guest, abandoned.location, data)
            except Unexpected as refusal:
                if refusal.status != 404:
                    raise
            else:
                return False
        with closing(self._connect()) as guest:
            _create(guest, abandoned.session, "late", data)
        return True

    def _connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self._port, timeout=60)

    def _bring_after_a_cut(self, guest: HTTPConnection, location: str) -> None:
        data = secrets.token_bytes(SIZE)
        self._cut(location, data)
        self._finish(guest, location, data)

    def _cut(self, location: str, data: bytes) -> None:
        """Send half of a body, then close the connection."""
        phone = self._connect()
        phone.putrequest("PATCH", location)
        for name, value in {**TUS, "Upload-Offset": "0", "Content-Length": str(SIZE)}.items():
            phone.putheader(name, value)
        phone.endheaders(data[: SIZE // 2])
        phone.close()

    def _finish(self, guest: HTTPConnection, location: str, data: bytes) -> None:
        """Resume at the offset; retry if the server only now handles the request that was cut."""
        try:
            self._go_on(guest, location, data)
        except Unexpected as refusal:
            if refusal.status != 409:
                raise
            self._go_on(guest, location, data)

    def _go_on(self, guest: HTTPConnection, location: str, data: bytes) -> None:
        guest.request("HEAD", location, headers=TUS)
        offset = int(_answer(guest, 200)["Upload-Offset"])
        guest.request("PATCH", location, data[offset:], {**TUS, "Upload-Offset": str(offset)})
        _answer(guest, 204)

    def _watch(self, session: str) -> socket.socket:
        """Open the page's WebSocket and send our session; its messages are left unread."""
        page = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        head = (
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}\r\n\r\n"
        )
        page.sendall(head.encode())
        said = json.dumps({"session": session}).encode()
        # A mask of zeros leaves the text as it is (RFC 6455, section 5.3).
        page.sendall(bytes([0x81, 0x80 | len(said)]) + bytes(4) + said)
        return page


def _create(guest: HTTPConnection, session: str, item: str, data: bytes) -> str:
    """Create an upload, with its first bytes if there are any; return its path."""
    said = {"filename": f"{item}.jpg", "session": session, "item": item}
    metadata = ",".join(
        f"{key} {b64encode(value.encode()).decode()}" for key, value in said.items()
    )
    headers = {**TUS, "Upload-Length": str(SIZE), "Upload-Metadata": metadata}
    guest.request("POST", "/files/", data, headers)
    return "/" + _answer(guest, 201)["Location"].split("/", 3)[3]


def _answer(guest: HTTPConnection, status: int) -> dict[str, str]:
    answer = guest.getresponse()
    body = answer.read()
    if answer.status != status:
        raise Unexpected(answer.status, body)
    return dict(answer.headers)
