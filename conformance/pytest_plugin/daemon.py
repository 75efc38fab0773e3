"""The fixture `conformance_daemon`: one daemon that keeps running from test to test.

Each test has clients and findings of its own. A daemon that ended during a test is
started again for the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from conformance.checks import Checks
from conformance.core.finding import Finding, ScenarioStopped
from conformance.core.scenario import DEADLINE, Scenario, Start
from conformance.core.script import Script
from conformance.daemon.build import build
from conformance.daemon.failures import DaemonError
from conformance.daemon.manifest import Manifest, Variant, missing
from conformance.mock.client import MockClient
from conformance.profiles.bench import Bench
from conformance.profiles.environment import Environment
from conformance.profiles.registry import profile_named
from conformance.pytest_plugin.asked import readable
from conformance.pytest_plugin.suite import Suite
from conformance.running.limits import Limits
from conformance.running.lookup import SelectionError, known
from conformance.running.staging import Staging
from conformance.running.verdicts import state_of
from conformance.timing.calibration import calibrate


class Daemons:
    """Starts the selected daemon when it is first used, and stops it at the session's end."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._stack: AsyncExitStack | None = None
        self._environment: Environment | None = None

    @contextmanager
    def opened(self, test: str) -> Iterator[Daemon]:
        """The daemon, for the test of this name; skips where the daemon cannot run here."""
        with readable():
            manifest, variant = self._chosen()
        lacking = missing(manifest)
        if lacking is not None:
            pytest.skip(lacking.reason)
        if self._environment is None or self._environment.instance.describe_exit():
            self.close()
            try:
                self._suite.background.run(self._start(manifest, variant))
            except DaemonError as error:
                pytest.fail(str(error), pytrace=False)
        assert self._environment is not None
        daemon = Daemon(test, self._environment, self._suite)
        try:
            yield daemon
        finally:
            daemon.close()

    def close(self) -> None:
        """Stop the daemon."""
        stack, self._stack, self._environment = self._stack, None, None
        if stack is not None:
            self._suite.background.run(stack.aclose())

    def _chosen(self) -> tuple[Manifest, Variant]:
        """The one daemon and variant that options and ini keys name. Raises SelectionError."""
        chosen = self._suite.manifests
        if len(chosen) != 1:
            names = ", ".join(manifest.name for manifest in chosen)
            raise SelectionError(
                f"conformance_daemon needs one daemon, found {names or 'none'}; name its "
                "daemon.toml in the ini key conformance_daemon, or with --conformance-daemon"
            )
        variants = {variant.name: variant for variant in chosen[0].variants}
        wanted = self._suite.plan.selection.variants or (chosen[0].variants[0].name,)
        if len(wanted) != 1:
            raise SelectionError(f"conformance_daemon needs one variant, found {', '.join(wanted)}")
        known(wanted[0], variants, "variant")
        return chosen[0], variants[wanted[0]]

    async def _start(self, manifest: Manifest, variant: Variant) -> None:
        await build(manifest)
        scale = (await calibrate()).scale
        concurrency = profile_named(manifest.profile).concurrency
        async with AsyncExitStack() as stack:
            upstream = await stack.enter_async_context(MockClient.attach(self._suite.addresses))
            staging = Staging(
                manifest,
                variant,
                upstream,
                Limits(concurrency, scale),
                scale=scale,
                silence=self._suite.plan.settings.silence,
            )
            self._environment = await stack.enter_async_context(staging.environment(Start()))
            self._stack = stack.pop_all()


class Daemon:
    """A running daemon, as one test sees it."""

    def __init__(self, test: str, environment: Environment, suite: Suite) -> None:
        self.environment = environment
        """The instance, its manifest and variant, and the mock API's client."""
        self._test, self._suite = test, suite
        self._profile = profile_named(environment.manifest.profile)
        self._benches: list[Bench] = []

    @property
    def name(self) -> str:
        """As its manifest says it."""
        return self.environment.manifest.name

    @property
    def url(self) -> str:
        """Where it is reached over TCP; empty for one with a Unix socket."""
        return self.environment.instance.url

    @property
    def socket(self) -> Path:
        """The Unix socket on which it receives handoffs."""
        return self.environment.instance.socket

    @property
    def log(self) -> str:
        """The last 200 lines that it wrote."""
        return self.environment.instance.log_tail(200)

    def respond(
        self,
        *,
        pattern: str | None = None,
        script: Script | None = None,
        request: Mapping[str, Any] | None = None,
        timeout: float = DEADLINE,
    ) -> Checks:
        """Send one request, and return its whole answer for checks.

        pattern or script: what the mock API does. request: fields of the client's request.
        timeout: in seconds on a calm machine. A check that fails also fails the test, at
        its end. Raises TypeError for a daemon whose profile has no single answers.
        """
        bench = self._bench(lambda bench: None, timeout=timeout)
        if not hasattr(bench, "respond"):
            raise TypeError(
                f"a daemon of profile {self._profile.name} is not asked by single requests; "
                "write a coroutine that takes `chat` or `bench`, and pass it to play()"
            )
        exchange = bench.respond(pattern=pattern, script=script, request=request)
        answer = self._run(exchange)
        assert isinstance(answer, Checks)
        return answer

    def play(
        self,
        function: Callable[..., Any],
        *,
        pattern: str | None = None,
        script: Script | None = None,
        request: Mapping[str, Any] | None = None,
        timeout: float = DEADLINE,
    ) -> None:
        """Play a function as a scenario: `async def name(exchange)`, `(chat)` or `(bench)`.

        A check that fails also fails the test, at its end. Raises ScenarioError for a function
        with another parameter.
        """
        bench = self._bench(
            function, pattern=pattern, script=script, request=request or {}, timeout=timeout
        )
        self._run(bench.play())

    def verify(self) -> None:
        """Fail the test if a check failed; called at the test's end."""
        findings = [finding for bench in self._benches for finding in bench.findings]
        if findings:
            seen = [self._suite.background.run(bench.evidence()) for bench in self._benches]
            self.close()
            state = state_of(self.environment.instance)
            pytest.fail("\n".join([*_lines(findings), *seen, state]), pytrace=False)

    def close(self) -> None:
        """Close the test's connections, and forget what they found."""
        benches, self._benches = self._benches, []
        for bench in benches:
            self._suite.background.run(bench.aclose())

    def _bench(self, function: Callable[..., Any], *, timeout: float, **fields: Any) -> Any:
        """A new bench of the daemon's profile. Each has findings and a deadline of its own."""
        scenario = Scenario(
            name=self._test,
            category="pytest",
            description=self._test,
            function=function,
            profile=self._profile.name,
            deadline=timeout,
            **fields,
        )
        bench = self._profile.bench(scenario, self.environment)
        self._benches.append(bench)
        return bench

    def _run(self, coroutine: Any) -> Any:
        try:
            return self._suite.background.run(coroutine)
        except ScenarioStopped:
            return self.verify()  # its finding has been noted, so this fails the test


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Three lines for each finding. The test's author knows its purpose, so no clause is cited."""
    for finding in findings:
        yield f"failed check: {finding.check} ({finding.where})"
        yield f"  expected: {finding.expected}"
        yield f"  actual:   {finding.actual}"
