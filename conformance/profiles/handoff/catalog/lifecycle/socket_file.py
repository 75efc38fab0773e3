"""The daemon's socket file: stale, live, foreign, or something else at its path."""

import asyncio
import signal
import socket
from pathlib import Path

from conformance.core.scenario import scenario
from conformance.core.socket_type import SocketType
from conformance.daemon.instance import try_connect
from conformance.daemon.process import DaemonProcess
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.catalog.lifecycle.ending import exits
from conformance.profiles.handoff.catalog.lifecycle.shutdown import PROMPTLY

STARTING = 5.0
"""Seconds in which a daemon that must not start has noticed it."""

FAILURES = tuple(range(1, 256))
"""Exit statuses of a daemon that does not start."""


async def _starts(bench: HandoffBench, daemon: DaemonProcess) -> None:
    """Check that it serves the socket, which no other daemon serves."""
    ended = asyncio.ensure_future(daemon.ended())
    within = daemon.manifest.run.timeout
    await bench.until(
        lambda: ended.done() or try_connect(daemon.socket, daemon.socket_type) is None,
        within=within,
    )
    ended.cancel()
    bench.check(
        daemon.alive() and try_connect(daemon.socket, daemon.socket_type) is None,
        "starts",
        expected=f"the second daemon listens within {bench.stretched(within)}",
        actual=f"it {daemon.describe_exit() or 'runs and does not listen'}: {daemon.log_tail(1)}",
    )


async def _declines(bench: HandoffBench, path: Path, *, what: str) -> None:
    """Check that a daemon refuses to start on this path, and does not change the file there."""
    before = _identity(path)
    async with bench.another(socket=path) as daemon:
        await exits(bench, within=STARTING, statuses=FAILURES, daemon=daemon)
    after = _identity(path)
    bench.check(
        after == before,
        "left_alone",
        expected=f"{what} is where it was",
        actual="it is gone" if after is None else "something else is in its place",
    )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


@scenario(clause="L1", alone=True, evidence='kenn-io/kata#22 "clean stale socket"; nginx/nginx#851')
async def life_stale_socket(bench: HandoffBench) -> None:
    """The daemon replaces the socket file of one that was killed."""
    bench.daemon.send_signal(signal.SIGKILL)
    await bench.daemon.ended()
    async with bench.another(socket=bench.daemon.socket) as successor:
        await _starts(bench, successor)
        await bench.healthy(clause="L1")


@scenario(clause="L1", alone=True, evidence='kenn-io/kata#22; nginx/nginx#851 "second instance"')
async def life_live_socket(bench: HandoffBench) -> None:
    """A second daemon does not start on a live daemon's socket, which keeps serving."""
    await _declines(bench, bench.daemon.socket, what="the first daemon's socket")
    await bench.healthy(clause="L1")


@scenario(clause="L1", alone=True, evidence="connect(2), EPROTOTYPE; nginx/nginx#851")
async def life_other_live_socket(bench: HandoffBench) -> None:
    """The daemon does not start on a socket where another kind of server listens."""
    mine = bench.daemon.socket_type
    other = next(kind for kind in SocketType if kind is not mine)
    path = bench.daemon.folder / "other.sock"
    with socket.socket(socket.AF_UNIX, other.number) as server:
        server.bind(str(path))
        server.listen()
        await _declines(bench, path, what="the other server's socket")
    await bench.healthy(clause="L1")


@scenario(clause="L1", alone=True, evidence="reasoned; a mistyped --socket must not cost a file")
async def life_no_socket(bench: HandoffBench) -> None:
    """The daemon does not start on a file or a folder, and does not change it."""
    file, folder = bench.daemon.folder / "file", bench.daemon.folder / "folder"
    file.write_text("precious")
    folder.mkdir()
    await asyncio.gather(
        _declines(bench, file, what="the file"), _declines(bench, folder, what="the folder")
    )
    bench.check(
        file.is_file() and file.read_text() == "precious",
        "left_alone",
        expected="the file's content is unchanged",
        actual="it was changed",
    )
    await bench.healthy(clause="L1")


@scenario(clause="L1", alone=True, evidence="reasoned; restarts that overlap")
async def life_foreign_socket(bench: HandoffBench) -> None:
    """The daemon does not remove the socket file of its successor on exit."""
    path = bench.daemon.socket
    path.unlink()
    async with bench.another(socket=path) as successor:
        await _starts(bench, successor)
        bench.daemon.send_signal(signal.SIGTERM)
        await exits(bench, within=PROMPTLY, clause="L2")
        await bench.healthy(clause="L1")
