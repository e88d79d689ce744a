"""A connection whose socket is lent to a thread for a while.

On the event loop each piece of a body costs a turn of the loop, and a trip to the thread that
writes it. A thread that reads, writes and hashes by itself pays neither.
"""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tornado.iostream import IOStream

TERM = 0.5
"""Seconds after which a loan ends, so that the loop hears how far the upload is."""

PATIENCE = 0.05
"""Seconds a thread waits for the bytes it asked for; who needs longer is read on the loop."""


class Loan:
    """A socket in the hands of a thread."""

    def __init__(self, peer: socket.socket | None) -> None:
        self.gone = peer is None
        """Whether the connection has ended."""
        self._peer = peer
        self._until = time.monotonic() + TERM

    def pull(self, space: memoryview) -> int:
        """Fill a space with the next bytes, from the thread; with less when the loan is over."""
        if self._peer is None or time.monotonic() > self._until:
            return 0
        try:
            count = self._peer.recv_into(space, 0, socket.MSG_WAITALL)
        except BlockingIOError:
            return 0
        except OSError:
            self.gone = True
            return 0
        self.gone = not count
        return count


class LendableStream(IOStream):
    """An IOStream which can lend its socket."""

    def __init__(self, peer: socket.socket, **options: Any) -> None:
        super().__init__(peer, **options)
        # Of use only while the socket is lent: otherwise nothing waits in recv(2).
        patience = struct.pack("ll", 0, round(PATIENCE * 1e6))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self._lent = False

    @property
    def ahead(self) -> int:
        """Count the bytes that were read from the socket, and not taken yet."""
        return self._read_buffer_size

    @contextmanager
    def lend(self) -> Iterator[Loan]:
        """Lend the socket, from which a thread may pull once what was read ahead is taken.

        Nothing may wait to be written: the loop would block. To close the stream makes the
        connection gone for the thread; its file is closed when the socket is back, since another
        one could get the same number.
        """
        if self.closed():
            yield Loan(None)
            return
        self.socket.setblocking(True)
        self._lent = True
        try:
            yield Loan(self.socket)
        finally:
            self._lent = False
            if self.closed():
                super().close_fd()
            else:
                self.socket.setblocking(False)
                if self._state is not None:
                    self.io_loop.update_handler(self.fileno(), self._state)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Leave the bytes to the thread while the socket is lent."""
        if not self._lent:
            return super().read_from_fd(buf)
        # Else the loop would hear of them again and again.
        self.io_loop.update_handler(self.fileno(), 0)
        return None

    def close_fd(self) -> None:
        """Close the socket, or have the thread stop that it is lent to."""
        if not self._lent:
            super().close_fd()
            return
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
