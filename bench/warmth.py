"""Provides free memory that the host of a virtual machine cannot take back.

Such a host takes free memory back (free page reporting), and the next program to touch it waits
until the host provides it again: writing a file becomes up to four times slower, at random. A
server that takes long to start met such cold memory each time. So each run gets a reserve of free
memory in pieces too small for the host to take: of every KEEP pages, one stays allocated here.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

KEEP = 2 * 1024 * 1024
PIECE = 256 * 1024

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
"""linux/falloc.h"""


@contextmanager
def warm(size: int) -> Iterator[None]:
    """Provide `size` bytes of warm, free memory inside the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.memfd_create("reserve")
    try:
        for _ in range(0, size, PIECE):
            os.write(file, bytes(PIECE))
        page = os.sysconf("SC_PAGESIZE")
        for start in range(0, size, KEEP):
            hole = ctypes.c_long(start + page), ctypes.c_long(KEEP - page)
            if libc.fallocate(file, _KEEP_SIZE | _PUNCH_HOLE, *hole):
                raise OSError(ctypes.get_errno(), "fallocate")
        yield
    finally:
        os.close(file)
