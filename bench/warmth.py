"""Free memory that is really there.

The host of a virtual machine takes free memory back (free page reporting), and whoever touches it
next waits while it is given anew: writing a file becomes four times slower, or not, as it happens.
A server that takes long to start met cold memory each time. So a run finds a reserve of free pages
in pieces too small to be taken back: one page in KEEP stays ours.
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
    """Have `size` bytes of warm, free memory."""
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
