"""Verdicts: from what a scenario found to a Result."""

from __future__ import annotations

import os
import traceback
from dataclasses import replace

from conformance.core.clause import Level
from conformance.core.masking import masked
from conformance.core.record import masked_record
from conformance.core.result import FailedCheck, Result, Setback, SetupError, Verdict
from conformance.daemon.failures import DaemonError
from conformance.daemon.instance import Instance
from conformance.daemon.requires import Unmet
from conformance.profiles.environment import SILENCE
from conformance.profiles.registry import profile_named
from conformance.running.play import Judgement
from conformance.running.selection import Case
from conformance.running.settings import Settings

LOG_LINES = 12
"""Lines of the daemon's log in a failure's evidence: a traceback's end, within one screen."""

_NEEDED = {
    "mock": "the mock API as its model",
    "api_key": "an API key that the suite knows",
    "process": "a process that the suite can look at",
}
"""How a reason calls a need whose name is not a capability's."""


def result_of(case: Case, verdict: Verdict, *, reason: str = "") -> Result:
    """A Result for the case, without checks."""
    return Result(
        daemon=case.manifest.name,
        variant=case.variant.name,
        scenario=case.scenario.name,
        category=case.scenario.category,
        profile=case.scenario.profile,
        description=case.scenario.description,
        clauses=tuple(clause.id for clause in case.scenario.clauses),
        verdict=verdict,
        duration=0.0,
        reason=reason,
    )


def judged(case: Case, judgement: Judgement) -> Result:
    """The verdict on what a scenario found, known failures considered."""
    levels = {Level(check.level) for check in judgement.failures}
    verdict = Verdict.PASS
    if levels:
        verdict = Verdict.FAIL if Level.MUST in levels else Verdict.WARN
    reason = case.manifest.known_failure(case.variant.name, case.scenario.name)
    if reason is not None:
        verdict = Verdict.SURPRISE if verdict is Verdict.PASS else Verdict.KNOWN
        if verdict is Verdict.SURPRISE:
            reason = f"listed as a known failure ({reason}), and passed: remove the entry"
    return replace(
        result_of(case, verdict, reason=reason or ""),
        failures=judgement.failures,
        evidence=judgement.evidence,
    )


def broken(case: Case) -> Result:
    """The Result of a scenario that raised an unexpected error: a defect of the suite.

    Called while the exception is handled.
    """
    reason = "the suite itself broke in this scenario"
    return replace(result_of(case, Verdict.ERROR, reason=reason), evidence=traceback.format_exc())


def not_started(case: Case, error: DaemonError) -> Result:
    """The Result of a case whose daemon does not start in the way that the scenario asks for."""
    served = profile_named(case.scenario.profile).clauses[0]
    failed = FailedCheck(
        check="starts",
        clause=served.id,
        level=served.level.value,
        expected="the daemon starts and accepts on its socket",
        actual=error.message,
        where=case.group,
    )
    return judged(case, Judgement((failed,), error.log))


def not_judged(case: Case, error: SetupError, *, reason: str = "") -> Result:
    """The Result of a case that belongs to this set-up error; reason: in place of its message."""
    result = result_of(case, Verdict.NOT_JUDGED, reason=reason or error.message)
    return replace(result, setup_error=error)


def setup_error(case: Case, setback: Setback, error: DaemonError) -> SetupError:
    """The set-up error of the case's daemon, which could not be built, started or found."""
    return SetupError(case.manifest.name, case.variant.name, setback, error.message, log=error.log)


def skipped(case: Case, lacking: Unmet) -> Result:
    """The Result of a case whose daemon cannot run here; red where it is required."""
    if not case.required:
        result = result_of(case, Verdict.SKIP, reason=lacking.reason)
        return replace(result, install=lacking.install)
    message = f"the daemon is required, and cannot be judged: {lacking.reason}"
    return not_judged(case, setup_error(case, Setback.NOT_STARTED, DaemonError(message)))


def inapplicable(case: Case) -> Result | None:
    """A skip, where the daemon's manifest says that the case does not apply; else None."""
    manifest, scenario = case.manifest, case.scenario
    lacks = [
        _NEEDED.get(need, need)
        for need in scenario.needs
        if not manifest.declares(need, case.variant)
    ]
    lacks += [
        f"a way to pass on {option}" for option in manifest.inexpressible(scenario.start.options)
    ]
    if manifest.served is not None and scenario.alone:
        lacks = ["a daemon that the suite may start and stop"]
    if not lacks:
        return None
    return result_of(case, Verdict.SKIP, reason=f"not applicable: lacks {', '.join(lacks)}")


def state_of(instance: Instance) -> str:
    """What became of the daemon, where that may be why the scenario failed."""
    ended = instance.describe_exit()
    log = instance.log_tail(LOG_LINES)
    state = f"the daemon {ended}" if ended else "the daemon is still running"
    return f"\n{state}" + (f"; its log ends:\n{log}" if log else "; its log is empty")


def without_keys(case: Case, result: Result) -> Result:
    """The Result without API keys in what daemons and checks say."""
    key = case.manifest.served.api_key if case.manifest.served else ""

    def hidden(failed: FailedCheck) -> FailedCheck:
        return replace(
            failed,
            expected=masked(failed.expected, key),
            actual=masked(failed.actual, key),
            where=masked(failed.where, key),
        )

    error = result.setup_error
    if error is not None:
        error = replace(error, message=masked(error.message, key), log=masked(error.log, key))
    return replace(
        result,
        setup_error=error,
        reason=masked(result.reason, key),
        evidence=masked(result.evidence, key),
        failures=tuple(map(hidden, result.failures)),
        record=masked_record(result.record, key) if key else result.record,
    )


def repeatable(case: Case, settings: Settings, result: Result) -> Result:
    """A red Result, or a warning, with the arguments of `conformance run` that repeat it."""
    if not (result.verdict.red or result.verdict is Verdict.WARN):
        return result
    words = [*_daemon_arguments(case), "--variant", case.variant.name]
    words += case.source
    if result.setup_error is None:
        words += ["--scenario", case.scenario.name]
    if settings.silence != SILENCE:
        words += ["--silence", f"{settings.silence:g}"]
    return replace(result, repeat=tuple(words))


def _daemon_arguments(case: Case) -> list[str]:
    manifest, path = case.manifest, os.path.relpath(case.manifest.path)
    served = manifest.served
    if served is None:
        return [path]
    if served.url:
        words = ["--profile", manifest.profile, "--url", served.url]
    else:
        words = ["--socket", path]
    # The key is a secret, and stays out of reports.
    words += ["--model", served.model] if served.model else []
    words += ["--mock-port", f"{served.mock_port}"] if served.mock_port else []
    words += ["--ca-file", str(served.ca_file)] if served.ca_file else []
    return words + [word for text in served.declared for word in ("--declare", text)]
