"""The bytes of a file, with a limit on how much of them is read.

All parsers read only through regions. So whatever a hostile file claims (loops, 2^63 bytes,
100,000 tags), parsing ends when the allowance is used up, in bounded time and memory.
"""

import os
from dataclasses import dataclass
from io import FileIO
from typing import Self

READS = 4096
"""The most reads of one file; a large HEIC panorama, of hundreds of tiles, needs about one each."""
BYTES = 1 << 20
"""The most bytes read of one file."""


class _Allowance:
    """What may still be read of a file."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._reads = READS
        self._bytes = BYTES

    def read(self, start: int, length: int) -> bytes:
        if self._reads <= 0 or self._bytes < length:
            raise EOFError
        self._reads -= 1
        self._bytes -= length
        return os.pread(self._file.fileno(), length, start)


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a file; offsets count from its start, and nothing outside it can be read."""

    _allowance: _Allowance
    _start: int
    length: int

    @classmethod
    def whole(cls, file: FileIO) -> Self:
        """Return all of a file, with a new allowance."""
        return cls(_Allowance(file), 0, os.fstat(file.fileno()).st_size)

    def part(self, offset: int, length: int | None = None) -> "Region":
        """Return the `length` bytes at `offset`, or all from there, as far as this region goes."""
        offset = min(offset, self.length)
        rest = self.length - offset
        length = rest if length is None else max(0, min(length, rest))
        return Region(self._allowance, self._start + offset, length)

    def some(self, offset: int, length: int) -> bytes:
        """Return at most `length` bytes at `offset`.

        Raises EOFError: the allowance is used up.
        """
        inside = self.part(offset, length)
        return self._allowance.read(inside._start, inside.length)

    def bytes(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes at `offset`.

        Raises EOFError: there are fewer, or the allowance is used up.
        """
        data = self.some(offset, length)
        if len(data) < length:
            raise EOFError
        return data

    def number(self, offset: int, length: int) -> int:
        """Return the big-endian number of `length` bytes at `offset`. Raises EOFError."""
        return int.from_bytes(self.bytes(offset, length), "big")
