"""From what a scenario found to a Result: verdict, reason and evidence."""

from __future__ import annotations

from dataclasses import replace

from conformance.core.clause import Level
from conformance.core.result import Result, Verdict
from conformance.daemon.instance import Instance
from conformance.running.play import Judgement
from conformance.running.selection import Case

LOG_LINES = 12
"""Lines of the daemon's log in a failure's evidence: a traceback's end, within one screen."""


def result_of(case: Case, verdict: Verdict, *, reason: str = "") -> Result:
    """A Result for the case, without checks."""
    return Result(
        daemon=case.manifest.name,
        variant=case.variant.name,
        scenario=case.scenario.name,
        category=case.scenario.category,
        profile=case.scenario.profile,
        description=case.scenario.description,
        clauses=tuple(each.id for each in case.scenario.clauses),
        verdict=verdict,
        duration=0.0,
        reason=reason,
    )


def judged(case: Case, judgement: Judgement) -> Result:
    """The verdict on what a scenario found, known failures considered."""
    levels = {Level(each.level) for each in judgement.failures}
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


def state_of(instance: Instance) -> str:
    """What became of the daemon, where that may be why the scenario failed."""
    ended = instance.describe_exit()
    log = instance.log_tail(LOG_LINES)
    said = f"the daemon {ended}" if ended else "the daemon is still running"
    return f"\n{said}" + (f"; its log ends:\n{log}" if log else "; its log is empty")
