"""A log without end takes little room on the disk, and its end can be read."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from conformance.daemon.log_room import MOST, bounded

PIECE, PIECES = 4 << 20, 160


def test_a_log_without_end_is_bounded(tmp_path: Path) -> None:
    log = tmp_path / "log"
    most = 0

    async def watched() -> None:
        nonlocal most
        keeping = asyncio.create_task(bounded(log))
        piece = f"yes 'one line of the log' | head -c {PIECE}"
        command = f"for n in $(seq {PIECES}); do {piece}; sleep 0.02; done"
        with log.open("ab") as output:
            writing = await asyncio.create_subprocess_exec("sh", "-c", command, stdout=output)
        while writing.returncode is None:
            most = max(most, os.stat(log).st_blocks * 512)
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        keeping.cancel()

    asyncio.run(watched())
    assert log.stat().st_size == PIECES * PIECE, "nothing is lost of its size"
    assert most < PIECES * PIECE / 3
    assert log.stat().st_blocks * 512 <= MOST
    with log.open("rb") as file:
        file.seek(-60, 2)
        assert b"one line of the log\n" in file.read()
