"""Waiting until a started daemon serves: a connect succeeds, and a GET, where one is asked for."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from conformance.core.socket_type import SocketType
from conformance.daemon.failures import DiedBeforeReadyError, NeverReadyError, WrongTypeError
from conformance.daemon.instance import try_connect, try_reach
from conformance.daemon.manifest import Manifest
from conformance.daemon.proc import starved
from conformance.daemon.setup import is_ready

KNOCK = 0.005
"""Seconds between two attempts to connect. One takes 10 microseconds; an interpreter starts in
100 milliseconds."""

ASK = 0.05
"""Seconds between two GETs of the path that says whether a daemon is ready."""


class Starting(Protocol):
    """A daemon that was started. process.DaemonProcess is one."""

    manifest: Manifest
    url: str
    socket: Path

    @property
    def name(self) -> str:
        """`daemon/variant`."""

    @property
    def socket_type(self) -> SocketType:
        """The type of its socket, as the manifest says it."""

    @property
    def pid(self) -> int:
        """Its main process."""

    @property
    def returncode(self) -> int | None:
        """Its exit status or minus a signal's number; None while it runs."""

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of its log."""

    async def ended(self) -> int:
        """Wait until its main process has ended."""


async def wait_until_ready(daemon: Starting, timeout: float) -> None:
    """Wait until it serves. Raises StartError.

    timeout: in seconds. The time that the daemon waited for a processor is not counted:
    instances that start together are slow, and each of them is right.
    """
    ended = asyncio.ensure_future(daemon.ended())
    end = asyncio.get_running_loop().time() + timeout
    path = daemon.manifest.run.ready

    async def until(attempt: Callable[[], Awaitable[str | None]], pause: float, fix: str) -> None:
        """Repeat the attempt until it reports no problem."""
        while True:
            if daemon.returncode is not None:
                raise DiedBeforeReadyError(daemon.name, daemon.returncode, log=daemon.log_tail())
            problem = await attempt()
            if problem is None:
                return
            now = asyncio.get_running_loop().time()
            if now > end and now > end + starved(daemon.pid):
                raise NeverReadyError(
                    f"{daemon.name} runs, but within {timeout:g} s {problem}; {fix}; if it needs "
                    f"longer, raise [run] timeout ({daemon.manifest.path})",
                    log=daemon.log_tail(),
                )
            await asyncio.wait({ended}, timeout=pause)

    async def accepts() -> str | None:
        problem = _connect(daemon)
        if problem == errno.EPROTOTYPE:
            raise _wrong_type(daemon)
        if problem is None:
            return None
        where = daemon.url or daemon.socket
        return f"{where} did not accept (last error: {os.strerror(problem)})"

    async def answers() -> str | None:
        problem = await is_ready(daemon.url, path)
        return problem and f"GET {path} was not answered 200 (last: {problem})"

    try:
        place = "port" if daemon.url else "socket"
        await until(accepts, KNOCK, f"it must listen where {{{place}}} says")
        if path:
            await until(answers, ASK, "correct [run] ready")
    finally:
        ended.cancel()


def _connect(daemon: Starting) -> int | None:
    if daemon.url:
        return try_reach(daemon.url)
    return try_connect(daemon.socket, daemon.socket_type)


def _wrong_type(daemon: Starting) -> WrongTypeError:
    declared = daemon.socket_type
    other = SocketType.STREAM if declared is SocketType.SEQPACKET else SocketType.SEQPACKET
    return WrongTypeError(
        f"{daemon.name} does not listen on a {declared.value} socket, as its manifest says; "
        f'if that is meant, write socket_type = "{other.value}" into [run] '
        f"({daemon.manifest.path})",
        log=daemon.log_tail(),
    )
