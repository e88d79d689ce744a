"""Where a body is in the stream: in one piece, or in chunks (RFC 9112, sections 6.2 and 7.1).

Tornado hands chunked bodies over in pieces of 64 KiB and drops what it has gathered when the
connection ends. What reached us is to be kept, so the framing is read here.
"""

import re

from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream

from immich_drop.errors import BadRequest

LINE = 256
"""Bytes of the line before a chunk, with its extensions, and of a trailer field."""

TRAILERS = 16
"""Trailer fields after the last chunk."""

PIECE = 64 * 1024

_LENGTH = re.compile(r"[0-9]{1,19}", re.ASCII)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[^\r\n]*)?\r\n")
"""A recipient has to ignore extensions it does not know (RFC 9112, section 7.1.1)."""

_TRAILER = re.compile(rb"[!-9;-~]+:[^\r\n]*\r\n")


class Framing:
    """The body of one request, frame by frame."""

    def __init__(self, stream: IOStream, length: int | None) -> None:
        self.length = length
        """Bytes of the whole body; None when it comes in chunks."""
        self.left = length or 0
        """Bytes of the frame under way that were not read yet."""
        self._stream = stream
        self._chunked = length is None
        self._begun = False

    @classmethod
    def take(cls, stream: IOStream, headers: HTTPHeaders) -> "Framing":
        """Take the body over from HTTP1Connection, which then sees none.

        Raises BadRequest for a body that is framed in two ways at once, or in one we do not know;
        then the connection has to be closed (RFC 9112, section 6.3).
        """
        encoding = headers.pop("Transfer-Encoding", None)
        length = headers.pop("Content-Length", None)
        if encoding is not None:
            if encoding.lower() != "chunked" or length is not None:
                raise BadRequest("Transfer-Encoding")
            return cls(stream, None)
        if length is None:
            return cls(stream, 0)
        if not _LENGTH.fullmatch(length):
            raise BadRequest("Content-Length")
        return cls(stream, int(length))

    @property
    def whole(self) -> bool:
        """Tell whether the last byte was read."""
        return not self.left and not self._chunked

    async def more(self) -> bool:
        """Tell whether bytes are to come, `left` of them in a row.

        Raises BadRequest and StreamClosedError.
        """
        if self.left or not self._chunked:
            return self.left > 0
        if self._begun:
            await self._end_line()
        self._begun = True
        size = _SIZE.fullmatch(await self._read_line())
        if size is None:
            raise BadRequest("the size of a chunk")
        self.left = int(size[1], 16)
        if not self.left:
            await self._skip_trailers()
            self._chunked = False
        return self.left > 0

    async def drop(self, most: int) -> bool:
        """Read what is left and forget it, `most` bytes; tells whether that was all.

        Raises BadRequest and StreamClosedError.
        """
        while await self.more():
            if most <= 0:
                return False
            piece = await self._stream.read_bytes(min(self.left, PIECE), partial=True)
            self.left -= len(piece)
            most -= len(piece)
        return True

    async def _skip_trailers(self) -> None:
        """Read and ignore the fields after the last chunk, up to the empty line that ends them."""
        for _ in range(TRAILERS + 1):
            line = await self._read_line()
            if line == b"\r\n":
                return
            if not _TRAILER.fullmatch(line):
                raise BadRequest("a trailer field")
        raise BadRequest("too many trailer fields")

    async def _read_line(self) -> bytes:
        return await self._stream.read_until(b"\r\n", max_bytes=LINE)

    async def _end_line(self) -> None:
        if await self._stream.read_bytes(2) != b"\r\n":
            raise BadRequest("the end of a chunk")
