"""Prove that every check can fail, and that it fails for the right reason.

Each fault of the faulty daemon is switched on alone, and the catalog is run
against it. The suite, not the daemon, is defective where

- no scenario catches a fault,
- a scenario catches no fault,
- a red check cites a clause that the fault does not violate, or breaks, or
- the daemon without a fault is red anywhere.

Faults are judged side by side, a few at a time, each in a process of its own;
one mock API serves all. What is judged is the variant in which a fault shows. A
scenario that starts a daemon of its own is left out where that daemon would never
come by the fault, as the run without a fault has shown: it would behave as there.
With so much going on, a scenario may once run out of time for want of a
processor, or wait for so long that a daemon's own time limit helps it; so what
looks wrong, and what nothing caught, is judged again when all others are done,
and is a defect if it still does.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import runpy
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

from conformance.core.result import Result, Verdict
from conformance.core.scenario import Scenario
from conformance.daemon.guardian import mark_this_process
from conformance.daemon.manifest import Manifest, Variant
from conformance.mock.addresses import Addresses
from conformance.mock.client import MockClient
from conformance.mock.process import MockServer
from conformance.profiles.registry import profile_named, profiles
from conformance.running.manifests import load
from conformance.running.runner import Runner, Settings
from conformance.running.selection import Case, Selection, SelectionError, cases, known
from conformance.timing.calibration import calibrate

HERE = Path(__file__).parent

SOUND = {
    "handoff": (
        ("handoff", "default"),
        ("handoff", "simple"),
        ("handoff", "h2"),
        ("handoff-stream", "default"),
    )
}
"""What must be green without a fault, where it is more than a profile's default variant: both
formats, both protocols, both kinds of socket."""

ASKED = "FAULTS_ASKED"
"""The variable with which switch.py is told where to leave what it was asked for."""

WHOLLY = 0.5
"""The part of all scenarios above which a fault that turns them red proves none of them: a
daemon that is dead shows nothing of what a single check can see."""

_UNMOVED = (Verdict.PASS, Verdict.SKIP)

DEADLINE = 8.0
"""Seconds for each scenario, in place of its own deadline where that is no longer than usual: many
faults hang, and a sound daemon needs less than half of it, with others being judged beside it."""

LONGER = 0.6
"""The part of a longer deadline that is left of it."""

PART = (
    "truncation_looks_finished",
    "rpc-chat/request_runs_on",
    "spaces/any_app_reports",
)
"""Faults of several tables, for a proof that takes less than a minute; nothing is judged without a
fault then, and nothing asked of scenarios that catch none of these."""


def _profiles() -> tuple[str, ...]:
    """The profiles of which there are faulty daemons, and scenarios to catch them."""
    found = sorted(each.parent.name for each in HERE.glob("*/faults.py"))
    return tuple(each for each in found if each in profiles() and profile_named(each).scenarios)


def _faults(profile: str) -> dict[str, Fault]:
    """The faulty daemon's own table; a daemon imports nothing of the suite, nor is it imported."""
    table = runpy.run_path(str(HERE / profile / "faults.py"))["FAULTS"]
    return {
        _named(profile, name): Fault(
            _named(profile, name), each.description, each.clauses, each.daemon, each.variant
        )
        for name, each in table.items()
    }


def _named(profile: str, name: str) -> str:
    """A fault's or a scenario's name among those of all profiles: `rpc-chat/dead`."""
    return name if profile == "handoff" else f"{profile}/{name}"


def _profile(name: str) -> str:
    """The profile of what is so named."""
    return name.rpartition("/")[0] or "handoff"


def _within(name: str) -> str:
    """The name of what is so named within its profile."""
    return name.rpartition("/")[2]


def _concerned(fault: str, scenarios: Sequence[str]) -> bool:
    """Whether the fault's profile has one of these scenarios, or all are asked for."""
    mine = {each.name for each in profile_named(_profile(fault)).scenarios}
    return not scenarios or not mine.isdisjoint(scenarios)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, and the daemon and variant in which it shows; without a name: none."""

    name: str
    description: str
    clauses: tuple[str, ...]
    daemon: str
    variant: str

    @property
    def label(self) -> str:
        return self.name or f"no fault: {self.daemon}/{self.variant}"


@dataclass(frozen=True, slots=True)
class Run:
    """What holds for all faults."""

    addresses: Mapping[str, str]
    """Where the mock API listens, as JSON types."""
    scenarios: tuple[str, ...]
    """The only ones to be judged; none: all."""
    folder: str
    """Where daemons without a fault leave what they were asked for, see `asked`."""
    second_tries: bool = False
    """Whether what a late suite could not judge is tried once more."""

    def asked(self, fault: Fault, scenario: Scenario) -> Path:
        """The folder for what the scenario's own daemon was asked for, without a fault."""
        return Path(self.folder, fault.daemon, fault.variant, scenario.name)

    def shows(self, fault: Fault, scenario: Scenario) -> bool:
        """Whether the scenario's daemon comes by the fault, as far as is known."""
        told = [each.read_bytes().splitlines() for each in self.asked(fault, scenario).glob("*")]
        name = _within(fault.name).encode()
        return not fault.name or not told or any(name in each for each in told)


@dataclass(slots=True)
class Ledger:
    """What was caught by what, and every defect found."""

    caught: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By fault, the scenarios that were red for a right reason."""
    judged: set[str] = field(default_factory=set)
    """The scenarios that were judged on some fault."""
    defects: list[str] = field(default_factory=list)

    def add(self, fault: Fault, results: Iterable[Result]) -> dict[str, list[str]]:
        """Note what was red; return what was wrong about it, by scenario."""
        wrong: dict[str, list[str]] = {}
        for result in results:
            if result.verdict is Verdict.SKIP:
                continue
            scenario = _named(result.profile, result.scenario)
            if fault.name:
                self.judged.add(scenario)
            found = list(_wrong(fault, result))
            if found:
                wrong[result.scenario] = found
            elif result.verdict is not Verdict.PASS:
                self.caught[fault.name].add(scenario)
        return wrong

    def uncaught(self, faults: Iterable[Fault]) -> list[Fault]:
        """Those of the faults that nothing has caught."""
        return [each for each in faults if each.name and not self.caught.get(each.name)]

    def catching_nothing(self) -> list[str]:
        """The scenarios that were red for nothing but what turns most of them red."""
        catching: set[str] = set()
        for fault, scenarios in self.caught.items():
            if len(scenarios) < WHOLLY * len(self.beside(fault)):
                catching |= scenarios
        return sorted(self.judged - catching)

    def beside(self, name: str) -> set[str]:
        """The judged scenarios of the same profile as the fault or scenario of this name."""
        return {each for each in self.judged if _profile(each) == _profile(name)}


def _wrong(fault: Fault, result: Result) -> Iterator[str]:
    """What the suite itself did wrong in this result."""
    if result.verdict is Verdict.ERROR:
        yield f"{fault.label}: {result.scenario}: {result.reason}\n{result.evidence}"
    for failed in result.failures:
        if failed.clause not in fault.clauses:
            yield (
                f"{fault.label}: {result.scenario}: {failed.check} cites {failed.clause}, "
                f"which is not violated ({' '.join(fault.clauses) or 'nothing is'}): "
                f"expected {failed.expected}; {failed.actual}"
            )


def main() -> None:
    options = _options()
    profiles = tuple(options.profile) or _profiles()
    try:
        for name in options.profile:
            known(name, _profiles(), "profile with faulty daemons")
        everything = {name: each for p in profiles for name, each in _faults(p).items()}
        for name in options.fault:
            known(name, everything, "fault")
        chosen = options.fault or [each for each in everything if each in PART or not options.part]
        faults = [everything[each] for each in chosen if _concerned(each, options.scenario)]
        if not options.fault and not options.part:
            judged = [each for each in profiles if _concerned(f"{each}/", options.scenario)]
            sound = [where for p in judged for where in SOUND.get(p, ((p, "default"),))]
            faults = [*(Fault("", "", (), *where) for where in sound), *faults]
        folders = tuple(str(HERE / each) for each in profiles)
        cases(Selection(daemons=folders, scenarios=tuple(options.scenario)))
    except SelectionError as error:
        sys.exit(f"self_test: {error}")
    mark_this_process()
    began = time.monotonic()
    ledger = Ledger()
    suspects: list[tuple[Fault, tuple[str, ...]]] = []
    with MockServer() as mock, tempfile.TemporaryDirectory() as folder:
        run = Run(mock.addresses.to_json(), tuple(options.scenario), folder)
        for fault, results in _judge_all(faults, options.jobs, run):
            wrong = ledger.add(fault, results)
            bad = [each.scenario for each in results if each.verdict not in _UNMOVED]
            caught = "green" if not bad else f"{len(bad)} not: {' '.join(sorted(bad)[:4])}"
            print(f"  {fault.label:34} {len(results):4} scenarios, {caught}", flush=True)
            if wrong:
                suspects.append((fault, tuple(wrong)))
                print(f"    to be judged again: {' '.join(wrong)}", flush=True)
        wanted = faults if options.fault or not options.scenario else ()
        suspects += [(each, run.scenarios) for each in ledger.uncaught(wanted)]
        for fault, scenarios in suspects:
            _judge_again(fault, scenarios, run, ledger)
        if not (options.fault or options.scenario or options.part):
            for scenario in ledger.catching_nothing():
                for fault in _likely(scenario, faults):
                    _judge_again(fault, (_within(scenario),), run, ledger)
                    if scenario not in ledger.catching_nothing():
                        break
            for scenario in ledger.catching_nothing():
                ledger.defects.append(f"{scenario}: this scenario catches no fault")
    for fault in ledger.uncaught(wanted):
        ledger.defects.append(f"{fault.name}: no scenario catches it: {fault.description}")
    print("\n".join(_matrix(ledger)))
    for defect in ledger.defects:
        print(f"defect: {defect}")
    seconds = time.monotonic() - began
    print(f"{len(faults)} runs, {len(ledger.defects)} defects of the suite, {seconds:.0f} s")
    sys.exit(1 if ledger.defects else 0)


def _judge_again(fault: Fault, scenarios: tuple[str, ...], run: Run, ledger: Ledger) -> None:
    """Judge by these scenarios alone (none: all); what is wrong now is a defect."""
    again = _judge(fault, replace(run, scenarios=scenarios, second_tries=True))
    still = ledger.add(fault, map(Result.from_json, again))
    ledger.defects += (each for found in still.values() for each in found[:2])


def _likely(scenario: str, faults: Sequence[Fault]) -> Iterator[Fault]:
    """The faults that violate a clause which this scenario judges."""
    profile = _profile(scenario)
    found = next(
        each for each in profile_named(profile).scenarios if each.name == _within(scenario)
    )
    cited = {each.id for each in found.clauses}
    for fault in faults:
        if fault.name and _profile(fault.name) == profile and not cited.isdisjoint(fault.clauses):
            yield fault


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--profile", action="append", default=[], help="only its faulty daemons")
    parser.add_argument("--fault", action="append", default=[], help="only this fault")
    parser.add_argument("--scenario", action="append", default=[], help="only this scenario")
    parser.add_argument("--part", action="store_true", help="a part that takes a minute at most")
    # One more than there are processors: where a fault hangs, its run only waits.
    jobs = (os.cpu_count() or 1) + 1
    parser.add_argument("--jobs", type=int, default=jobs, help="at a time")
    return parser.parse_args()


def _judge_all(
    faults: Sequence[Fault], jobs: int, run: Run
) -> Iterator[tuple[Fault, list[Result]]]:
    """Judge all of them; those without a fault first, for what they show."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for some in (
            [each for each in faults if not each.name],
            [each for each in faults if each.name],
        ):
            running = {pool.submit(_judge, fault, run): fault for fault in some}
            for done in as_completed(running):
                yield running[done], [Result.from_json(each) for each in done.result()]


def _judge(fault: Fault, run: Run) -> list[dict[str, object]]:
    """Run the catalog on the daemon with this fault."""
    return asyncio.run(_run(fault, run))


async def _run(fault: Fault, run: Run) -> list[dict[str, object]]:
    manifest, variant = _with(fault, load(HERE / fault.daemon))
    mine = {each.name for each in profile_named(manifest.profile).scenarios}
    scenarios = tuple(each for each in run.scenarios if each in mine)
    selected = [
        Case(manifest, variant, _hastened(case.scenario))
        for case in cases(Selection(daemons=(str(manifest.path),), scenarios=scenarios))
        if case.variant.name == manifest.variants[0].name and run.shows(fault, case.scenario)
    ]
    if not fault.name:
        selected = [replace(each, scenario=_asking(each.scenario, fault, run)) for each in selected]
    if not selected:
        return []
    addresses = Addresses.from_json(run.addresses)
    results: list[Result] = []
    settings = Settings(addresses=addresses, second_tries=run.second_tries)
    async with MockClient.attach(addresses) as upstream:
        runner = Runner(settings, upstream, await calibrate(), publish=results.append)
        await runner.judge(selected)
    return [each.to_json() for each in results]


def _hastened(scenario: Scenario) -> Scenario:
    """The scenario with less patience."""
    patience = max(DEADLINE, LONGER * scenario.deadline)
    return replace(scenario, deadline=min(patience, scenario.deadline))


def _asking(scenario: Scenario, fault: Fault, run: Run) -> Scenario:
    """The scenario with a daemon that leaves behind what it was asked for, if it is its own."""
    if not scenario.alone:
        return scenario
    folder = run.asked(fault, scenario)
    folder.mkdir(parents=True, exist_ok=True)
    env = {**scenario.start.env, ASKED: str(folder)}
    return replace(scenario, start=replace(scenario.start, env=env))


def _with(fault: Fault, manifest: Manifest) -> tuple[Manifest, Variant]:
    """The daemon and the variant, with the fault switched on."""
    variant = manifest.variant(fault.variant)
    if fault.name:
        variant = replace(variant, args=(*variant.args, "--fault", _within(fault.name)))
    return manifest, variant


def _matrix(ledger: Ledger) -> Iterator[str]:
    """Faults by the scenarios that caught them, the surest last; the shorter list of the two."""
    yield "\nfault by scenario"
    for fault, scenarios in sorted(ledger.caught.items(), key=lambda each: len(each[1])):
        others = ledger.beside(fault) - scenarios
        by = sorted(scenarios)
        if 0 < len(others) < len(scenarios):
            by = ["all but", *sorted(others)]
        yield f"  {fault:34} {len(scenarios):4}  {' '.join(by)}"


if __name__ == "__main__":
    main()
