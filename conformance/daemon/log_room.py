"""Bounding a log on the disk while a daemon writes it.

A daemon can log without end. The daemon's descriptor appends to the file, so the file is
never replaced: its older part becomes a hole, which takes no room. Sizes and places in the
log stay as they are.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from contextlib import suppress
from pathlib import Path

MOST = 16 << 20
"""Bytes on the disk after which the older part is given up."""

KEPT = 4 << 20
"""Bytes of the end that stay."""

LOOK = 0.1
"""Seconds between two looks at the size."""

_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02


async def bounded(log: Path) -> None:
    """Keep the log small until cancelled."""
    given_up = 0
    while True:
        await asyncio.sleep(LOOK)
        with suppress(OSError):
            size = os.stat(log).st_size
            if size - given_up > MOST:
                given_up = size - KEPT
                _punch(log, given_up)


def _punch(log: Path, end: int) -> None:
    """Free the room of everything before `end`. Raises OSError where that is impossible."""
    descriptor = os.open(log, os.O_WRONLY)
    try:
        fallocate = ctypes.CDLL(None, use_errno=True).fallocate
        fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        if fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, 0, end):
            # The file system knows no holes. The next line is written at the beginning.
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
