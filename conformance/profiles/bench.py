"""A Bench: one scenario's access to a daemon, whatever the protocol.

It gives access to the daemon's process, for signals and for /proc, to more instances of
it, and to the mock API. It collects findings in one list; the clients of a profile add
to it.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self, Unpack

from conformance.core import record
from conformance.core.finding import Finding, FindingKind
from conformance.core.quoting import STRETCHED, excerpt, plural, stretched
from conformance.core.scenario import Scenario
from conformance.core.script import Script, name_of
from conformance.daemon import proc
from conformance.daemon.guardian import stat
from conformance.daemon.process import DaemonProcess, How
from conformance.profiles.environment import Environment

LOOK = 0.005
"""Seconds between two looks at /proc, which offers no event to wait for."""


class Bench:
    """One scenario's access to a daemon and to the mock API."""

    def __init__(self, scenario: Scenario, environment: Environment) -> None:
        self.environment = environment
        self.upstream = environment.upstream
        self.began = time.monotonic()
        """When the scenario started."""
        self.deadline = self.began + scenario.deadline * environment.scale
        self._scenario = scenario
        self._noted: list[Finding] = []
        self._held: dict[str, None] = {}

    @property
    def daemon(self) -> DaemonProcess:
        """The daemon's process, for signals and for /proc."""
        instance = self.environment.instance
        assert isinstance(instance, DaemonProcess), "only a scenario that is `alone` has its own"
        return instance

    def again(self, environment: Environment) -> Self:
        """A bench for the same scenario in another environment."""
        return type(self)(self._scenario, environment)

    # The mock API

    async def script(self, value: Script) -> str:
        """Register a script with the mock API, and return the pattern that names it."""
        name = name_of(value, scenario=self._scenario.name)
        await self.upstream.put_script(name, value)
        return f"script:{name}"

    async def pattern(self) -> str | None:
        """The scenario's own pattern; its script is registered first."""
        if self._scenario.script is not None:
            return await self.script(self._scenario.script)
        return self._scenario.pattern

    # The daemon's side

    @asynccontextmanager
    async def another(self, **how: Unpack[How]) -> AsyncIterator[DaemonProcess]:
        """One more instance of the same daemon, which may refuse to start; see `launch`."""
        environment = self.environment
        how.setdefault("env", self._scenario.start.env)
        async with DaemonProcess.launch(
            environment.manifest, environment.variant, self.upstream, scale=environment.scale, **how
        ) as daemon:
            yield daemon

    async def stopped(self) -> None:
        """Stop the daemon (SIGSTOP), and wait for it; from then on its input is queued."""
        pid = self.daemon.pid
        self.daemon.send_signal(signal.SIGSTOP)

        def still() -> bool:
            status = stat(pid)
            return status is None or status.state in "TZX"

        await self.until(still, within=2.0)

    def probe(self) -> proc.Probe:
        """The daemon's state in /proc now. Raises ProcessLookupError where it has ended."""
        pid = self.environment.instance.pid
        assert pid is not None, "the daemon's process cannot be found out"
        return proc.probe(pid)

    @property
    def memory(self) -> int:
        """The daemon's resident memory in bytes; 0 where it runs on another machine."""
        return 0 if self.environment.instance.pid is None else self.probe().rss

    async def until(self, holds: Callable[[], bool], *, within: float) -> bool:
        """Wait for a condition that only polling can observe (/proc); return whether it holds."""
        end = time.monotonic() + within * self.environment.scale
        while not holds():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(LOOK)
        return True

    def stretched(self, seconds: float) -> str:
        """A bound in words; see quoting.stretched."""
        return stretched(seconds, self.environment.scale)

    async def released(self, *targets: str, within: float = 2.0, clause: str | None = None) -> bool:
        """Check that the daemon closes each of these descriptors, as /proc names them.

        within: seconds. Returns whether it does.
        """
        pid = self.environment.instance.pid
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
            self.note(_ended("released", self._end()))
            return False
        self.check(
            not held,
            "released",
            expected=f"the descriptors of {plural(len(targets), 'client')} are closed",
            actual=f"after {self.stretched(within)} the daemon still holds {len(held)}: "
            + ", ".join(sorted(held)[:4]),
            clause=clause,
            kind=FindingKind.HELD,
        )
        return not held

    def _end(self) -> str:
        return self.environment.instance.describe_exit() or "cannot be found"

    def died(self) -> bool:
        """Whether the daemon has ended; if so, that is noted as a finding."""
        ended = self.environment.instance.describe_exit()
        if ended is not None:
            self.note(_ended("lives", ended))
        return ended is not None

    # Noting

    def check(
        self,
        holds: bool,
        check: str,
        *,
        expected: str,
        actual: object,
        where: str = "the daemon",
        clause: str | None = None,
        kind: FindingKind | None = None,
        timeless: bool = False,
    ) -> bool:
        """Note a finding unless it holds; return whether it does.

        check: the name of what was checked. actual: text, or a value that is shown as JSON.
        clause: the one that is broken, where it is not the scenario's first. kind: leaves
        the clause to the profile's `blame` table. timeless: see Finding.
        """
        if holds:
            self._held[check] = None
        else:
            actual = shown(actual)
            self.note(Finding(check, expected, actual, where, clause, kind, timeless=timeless))
        return holds

    def at_most(
        self,
        check: str,
        measured: float,
        bound: float,
        unit: str,
        *,
        clause: str | None = None,
        timed: bool = False,
    ) -> bool:
        """Check a measured number against its bound; return whether it holds.

        unit: of both numbers, as a report shows them: `MiB of memory`. timed: whether the bound
        is a time on a calm machine, to be stretched on this one.
        """
        calm, scale = bound, self.environment.scale if timed else 1.0
        bound *= scale
        expected, actual = f"at most {bound:.4g} {unit}", f"{measured:.4g} {unit}"
        if scale >= STRETCHED:
            expected += f" (on a calm machine {calm:.4g})"
        return self.check(
            measured <= bound,
            check,
            expected=expected,
            actual=actual,
            clause=clause,
            timeless=not timed,
        )

    async def descriptors_fall_to(self, most: int, *, within: float = 2.0) -> bool:
        """Check that the daemon closes descriptors until it holds at most this number."""
        await self.until(lambda: len(self.probe().descriptors) <= most, within=within)
        held = len(self.probe().descriptors)
        return self.check(
            held <= most,
            "descriptors",
            expected=f"at most {plural(most, 'descriptor')}",
            actual=f"{held} after {self.stretched(within)}",
            kind=FindingKind.HELD,
        )

    def note(self, finding: Finding) -> Finding:
        """Note a finding, and return it."""
        self._noted.append(finding)
        return finding

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding so far, in order."""
        return tuple(self._noted)

    # Playing

    async def play(self) -> None:
        """Play the scenario. Raises ScenarioStopped; its finding has been noted already."""
        raise NotImplementedError

    async def canary(self) -> None:
        """Play one plain exchange, which changes nothing for others, whatever it finds.

        A profile that does not have one cannot notice that its daemon has stopped answering.
        """
        raise NotImplementedError

    async def evidence(self) -> str:
        """The evidence, for a human; called only where a finding was noted."""
        raise NotImplementedError

    async def recorded(self) -> record.Json:
        """What was seen, also where everything holds; see core/record."""
        failed = {finding.check for finding in self.findings}
        return {**record.empty(), "held": [name for name in self._held if name not in failed]}

    async def aclose(self) -> None:
        """Close every connection that is still open."""
        raise NotImplementedError


def shown(value: object) -> str:
    """A value as a report shows it: text unchanged, everything else as JSON, cut short."""
    return value if isinstance(value, str) else excerpt(json.dumps(value, ensure_ascii=False))


def _ended(check: str, how: str) -> Finding:
    actual = f"it {how}"
    kind = FindingKind.DIED
    return Finding(check, "the daemon lives", actual, "the daemon", kind=kind, timeless=True)
