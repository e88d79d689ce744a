"""A minimal WebSocket client (RFC 6455), which can also send what no browser would."""

import base64
import json
import os
import struct
from collections.abc import Callable, Mapping
from typing import Any, Self

from harness.wire import Address, Connection, Hangup, Response

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    """The server did not switch protocols."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


class WebSocket:
    """One WebSocket; messages are JSON.

    Raises:
        Refused: the handshake was answered with anything but 101.
    """

    def __init__(
        self, address: Address, *, path: str = "/ws", headers: Mapping[str, str] | None = None
    ) -> None:
        host = f"{address[0]}:{address[1]}"
        self._connection = Connection(address)
        answer = self._connection.ask(
            "GET",
            path,
            {
                "Host": host,
                "Origin": f"http://{host}",
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
                **(headers or {}),
            },
        )
        if answer.status != 101:
            self._connection.close()
            raise Refused(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    def say(self, message: object) -> None:
        self.send(json.dumps(message).encode())

    def send(self, payload: bytes, *, opcode: int = TEXT) -> None:
        mask = os.urandom(4)
        size = len(payload)
        short = size if size < 126 else 126 if size < 1 << 16 else 127
        extended = {126: struct.pack("!H", size & 0xFFFF), 127: struct.pack("!Q", size)}
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        head = bytes([0x80 | opcode, 0x80 | short]) + extended.get(short, b"")
        self._connection.send(head + mask + masked)

    def hear(self) -> Any:
        """Return the next message; answer pings that precede it.

        Raises:
            Hangup: the server closed.
        """
        while True:
            opcode, payload = self._frame()
            if opcode == PING:
                self.send(payload, opcode=PONG)
            elif opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if payload else None
                raise Hangup(f"closed with {code}")
            elif opcode == TEXT:
                return json.loads(payload)

    def hear_until(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """Return the messages up to and including the first wanted one."""
        heard = [self.hear()]
        while not wanted(heard[-1]):
            heard.append(self.hear())
        return heard

    def _frame(self) -> tuple[int, bytes]:
        first, second = self._connection.read(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._connection.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._connection.read(8))
        return first & 0x0F, self._connection.read(size)
