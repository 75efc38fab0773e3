"""A child process in a session of its own: watched, and never left behind.

Daemons and build commands are started here. Each leads its own session and process
group, carries the run's mark, and is registered with the guardian. A pidfd reports its
end, without polling and without a SIGCHLD handler. The rest of its group is killed
after its death and before it is reaped, while no other process can have its number.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from conformance.daemon.guardian import MARK, guardian

PATIENCE = 5.0
"""Seconds between SIGTERM and SIGKILL on a calm machine. An idle daemon needs milliseconds; a
daemon that waits for a stalled client needs more."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended."""

    returncode: int
    """Its exit status, or minus the number of the signal that killed it."""
    obeyed: bool
    """Whether it ended without SIGKILL."""
    seconds: float
    """From the request to end to the end; 0 where it had ended before."""


def describe(returncode: int) -> str:
    """`exited with status 1`, `was killed by SIGSEGV (Segmentation fault)`."""
    if returncode >= 0:
        return f"exited with status {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    return f"was killed by {name} ({signal.strsignal(-returncode) or 'unknown signal'})"


class Child:
    """A running process, which belongs to one event loop."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        output: IO[bytes] | int,
    ) -> None:
        """Start it. Raises OSError where the program cannot be executed."""
        self.command = tuple(command)
        warden = guardian()
        self._popen = subprocess.Popen(
            self.command,
            env={**env, MARK: warden.mark},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        warden.watch(self.pid)
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self._pidfd = os.pidfd_open(self.pid)
        loop.add_reader(self._pidfd, self._bury)

    @property
    def pid(self) -> int:
        """Its process id, which is also the id of its group and its session."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status or minus the signal's number; None while it runs."""
        # The event loop may not have handled its end yet: ask the kernel.
        if self._popen.returncode is None and self._is_dead():
            self._bury()
        return self._popen.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to it, and not to its children. No effect where it has ended."""
        if self.returncode is None:
            signal.pidfd_send_signal(self._pidfd, number)

    async def ended(self) -> int:
        """Wait until it has ended; its returncode."""
        return await asyncio.shield(self._ended)

    async def stop(
        self, patience: float = PATIENCE, number: signal.Signals = signal.SIGTERM
    ) -> Exit:
        """Send the signal; after `patience` seconds kill its group by SIGKILL."""
        if self.returncode is not None:
            return Exit(self.returncode, obeyed=True, seconds=0.0)
        asked = time.monotonic()
        obeyed = True
        try:
            self.send_signal(number)
            await asyncio.wait({self._ended}, timeout=patience)
        finally:
            if self.returncode is None:
                obeyed = False
                self.kill()
        returncode = await self.ended()
        return Exit(returncode, obeyed=obeyed, seconds=time.monotonic() - asked)

    def kill(self) -> None:
        """Kill its group by SIGKILL, now."""
        if self.returncode is None:
            os.killpg(self.pid, signal.SIGKILL)

    def _is_dead(self) -> bool:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PIDFD, self._pidfd, flags) is not None

    def _bury(self) -> None:
        if self._popen.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        returncode = self._popen.wait()
        guardian().forget(self.pid)
        loop = self._ended.get_loop()
        if not loop.is_closed():
            loop.remove_reader(self._pidfd)
            self._ended.set_result(returncode)
        os.close(self._pidfd)
