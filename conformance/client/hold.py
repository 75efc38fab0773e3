"""A Hold: what every scenario has of a daemon, whatever the protocol.

Its process, for signals and for what /proc tells of it; more instances of it;
the mock API behind it; and one list of what was found wrong, which the clients
of a profile add to.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Unpack

from conformance.contract import clause as clause_of
from conformance.daemon import proc
from conformance.daemon.guardian import stat
from conformance.daemon.process import DaemonProcess, How
from conformance.result import FailedCheck
from conformance.scenario import Scenario
from conformance.script import Script, name_of
from conformance.stage import Stage
from conformance.wording import plural

LOOK = 0.005
"""Seconds between two looks at /proc, which offers no event to wait for."""


class Hold:
    """One scenario's hold on a daemon and on the mock API."""

    def __init__(self, scenario: Scenario, stage: Stage) -> None:
        self.stage = stage
        self.upstream = stage.upstream
        self.deadline = time.monotonic() + scenario.deadline * stage.scale
        self._scenario = scenario
        self._noted: list[FailedCheck] = []

    @property
    def daemon(self) -> DaemonProcess:
        """The daemon's process, for signals and for what /proc tells of it."""
        instance = self.stage.instance
        assert isinstance(instance, DaemonProcess), "only a scenario that is `alone` has its own"
        return instance

    # The mock API

    async def script(self, value: Script) -> str:
        """Register a script with the mock API; the pattern that asks for it."""
        name = name_of(value, scenario=self._scenario.name)
        await self.upstream.put_script(name, value)
        return f"script:{name}"

    async def pattern(self) -> str | None:
        """The pattern that the scenario was declared with, its script registered."""
        if self._scenario.script is not None:
            return await self.script(self._scenario.script)
        return self._scenario.pattern

    # The daemon's side

    @asynccontextmanager
    async def another(self, **how: Unpack[How]) -> AsyncIterator[DaemonProcess]:
        """One more instance of the same daemon, which may refuse to start; see `launch`."""
        stage = self.stage
        how.setdefault("env", self._scenario.start.env)
        async with DaemonProcess.launch(
            stage.manifest, stage.variant, self.upstream, scale=stage.scale, **how
        ) as daemon:
            yield daemon

    async def stopped(self) -> None:
        """Stop the daemon (SIGSTOP), and wait until it stands still: what comes now is queued."""
        pid = self.daemon.pid
        self.daemon.send_signal(signal.SIGSTOP)

        def still() -> bool:
            found = stat(pid)
            return found is None or found.state in "TZX"

        await self.until(still, within=2.0)

    def probe(self) -> proc.Probe:
        """What the kernel tells of the daemon now; ProcessLookupError when it ended."""
        pid = self.stage.instance.pid
        assert pid is not None, "the daemon's process cannot be found out"
        return proc.probe(pid)

    @property
    def memory(self) -> int:
        """The daemon's resident memory in bytes; 0 where it runs elsewhere and cannot be seen."""
        return 0 if self.stage.instance.pid is None else self.probe().rss

    async def until(self, holds: Callable[[], bool], *, within: float) -> bool:
        """Wait for something that only looking can tell (/proc); return whether it came true."""
        end = time.monotonic() + within * self.stage.scale
        while not holds():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(LOOK)
        return True

    async def released(self, *targets: str, within: float = 2.0, clause: str = "H10") -> bool:
        """Check that the daemon holds none of these, as /proc names them, in the end.

        Returns whether that is so.
        """
        pid = self.stage.instance.pid
        assert pid is not None, "the daemon's process cannot be found out"
        wanted = frozenset(targets)
        held = wanted

        def none() -> bool:
            nonlocal held
            held = proc.held(pid, wanted)
            return not held

        try:
            await self.until(none, within=within)
        except ProcessLookupError:
            self._note("released", "L4", "the daemon lives", f"it {self._end()}")
            return False
        self.expect(
            not held,
            check="released",
            clause=clause,
            expected=f"the descriptors of {plural(len(targets), 'handoff')} are closed",
            actual=f"after {within:g} s the daemon still holds {len(held)}: "
            + ", ".join(sorted(held)[:4]),
        )
        return not held

    def _end(self) -> str:
        return self.stage.instance.describe_exit() or "cannot be found"

    def died(self) -> bool:
        """Whether the daemon has ended, which is noted (L4), where a scenario looked for it."""
        ended = self.stage.instance.describe_exit()
        if ended is not None:
            self._note("lives", "L4", "the daemon lives", f"it {ended}")
        return ended is not None

    # Noting

    def expect(self, holds: bool, *, check: str, clause: str, expected: str, actual: str) -> None:
        """Note a failed check unless it holds; for what no exchange can know (/proc, signals)."""
        if not holds:
            self._note(check, clause, expected, actual)

    def _note(
        self, check: str, clause: str, expected: str, actual: str, where: str = "the daemon"
    ) -> FailedCheck:
        level = clause_of(clause).level.value
        failure = FailedCheck(check, clause, level, expected, actual, where)
        self._noted.append(failure)
        return failure
