"""Prove that every check can fail, and that it fails for the right reason.

Each fault of the faulty daemons is switched on alone, and the catalog is run against
it. The suite, not the daemon, is defective where

- no scenario catches a fault,
- a scenario catches no fault,
- a red check cites a clause that the fault does not violate, or breaks, or
- the daemon without a fault is red anywhere.

Faults are judged next to each other, a few at a time, each in a process of its own; one
mock API serves all. Each is judged in the variant in which it shows. A scenario
that starts a daemon of its own is left out where that daemon would never reach the fault:
the run without a fault shows that. On a busy machine a scenario may run out of time,
or wait until a daemon's own time limit helps it. So what looks wrong, and what no scenario
caught, is judged again after all others, and is a defect if nothing changes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from ledger import Ledger
from tables import HERE, Fault, Table, tables

from conformance.core.names import instead
from conformance.core.result import Result, Verdict
from conformance.core.scenario import Scenario
from conformance.daemon.guardian import mark_this_process
from conformance.mock.addresses import Addresses
from conformance.mock.process import MockServer
from conformance.profiles.registry import profile_named
from conformance.running import Settings, run
from conformance.running.lookup import SelectionError, known
from conformance.running.manifests import load
from conformance.running.selection import Case, Selection, cases

ASKED = "FAULTS_ASKED"
"""The variable with the folder where switch.py leaves the names of the faults that it reached."""

_UNMOVED = (Verdict.PASS, Verdict.SKIP)

DEADLINE = 8.0
"""Seconds for each scenario whose own deadline is not longer than usual. Many faults hang, and a
sound daemon needs less than half of it while others are judged."""

LINE = 200
"""Characters of a line about a scenario that is judged again."""

LONGER = 0.6
"""The part of a longer deadline that is left of it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What holds for all faults."""

    mock: Addresses
    scenarios: tuple[str, ...]
    """The only ones to be judged; empty means all."""
    folder: str
    """Where daemons without a fault leave the names of the faults that they reached."""
    second_tries: bool = False
    """Whether what a late machine could not judge is retried."""

    def reached(self, fault: Fault, scenario: Scenario) -> Path:
        """The folder for the faults that the scenario's own daemon reached, without a fault."""
        return Path(self.folder, fault.daemon, fault.variant, scenario.name)

    def shows(self, fault: Fault, scenario: Scenario) -> bool:
        """Whether the scenario's daemon reaches the fault, as far as is known."""
        files = self.reached(fault, scenario).glob("*")
        reached = [path.read_bytes().splitlines() for path in files]
        return (
            not fault.name or not reached or any(fault.name.encode() in names for names in reached)
        )


def main() -> None:
    """Judge the selected faults; exit with 1 where the suite has a defect."""
    options = _options()
    scenarios = tuple(options.scenario)
    try:
        chosen, faults = _selected(options)
    except SelectionError as error:
        sys.exit(f"self_test: {error}")
    mark_this_process()
    began = time.monotonic()
    ledger = Ledger()
    suspects: list[tuple[Fault, tuple[str, ...]]] = []
    with MockServer() as mock, tempfile.TemporaryDirectory() as folder:
        proof = Proof(mock.addresses, scenarios, folder)
        for fault, results in _judge_all(faults, options.jobs, proof):
            wrong = ledger.add(fault, results)
            bad = [result.scenario for result in results if result.verdict not in _UNMOVED]
            caught = "green" if not bad else f"{len(bad)} not: {' '.join(sorted(bad)[:4])}"
            print(f"  {fault.label:40} {len(results):4} scenarios, {caught}", flush=True)
            if wrong:
                suspects.append((fault, tuple(wrong)))
                for mistakes in wrong.values():
                    first = mistakes[0].splitlines()[0].removeprefix(f"{fault.label}: ")
                    print(f"    to be judged again: {first}"[:LINE], flush=True)
        wanted = faults if options.fault or not scenarios else ()
        suspects += [(fault, scenarios) for fault in ledger.uncaught(wanted)]
        for fault, again in suspects:
            _judge_again(fault, again, proof, ledger)
        if not (options.fault or scenarios or options.part):
            _prove_scenarios(chosen, proof, ledger)
    for fault in ledger.uncaught(wanted):
        ledger.defects.append(f"{fault.id}: no scenario catches it: {fault.description}")
    print("\n".join(ledger.matrix()))
    for defect in ledger.defects:
        print(f"defect: {defect}")
    seconds = time.monotonic() - began
    print(f"{len(faults)} runs, {len(ledger.defects)} defects of the suite, {seconds:.0f} s")
    sys.exit(1 if ledger.defects else 0)


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


def _selected(options: argparse.Namespace) -> tuple[list[Table], list[Fault]]:
    """The tables and the runs that the options select. Raises SelectionError."""
    everything = tables()
    for name in options.profile:
        known(name, everything, "profile with faulty daemons")
    chosen = [everything[name] for name in options.profile or everything]
    scenarios = tuple(options.scenario)
    cases(
        Selection(daemons=tuple(str(HERE / table.profile) for table in chosen), scenarios=scenarios)
    )
    judged = [table for table in chosen if table.has(scenarios)]
    if options.fault:
        return judged, [_named(name, judged) for name in options.fault]
    if options.part:
        return judged, [
            fault for table in judged for fault in table.faults if fault.name in table.part
        ]
    sound = [fault for table in judged for fault in table.sound]
    return judged, [*sound, *(fault for table in judged for fault in table.faults)]


def _named(name: str, chosen: Sequence[Table]) -> Fault:
    """The fault of this name, with or without its profile's. Raises SelectionError."""
    faults = [fault for table in chosen for fault in table.faults]
    named = [fault for fault in faults if name in (fault.id, fault.name)]
    if len(named) == 1:
        return named[0]
    names = [fault.id for fault in named or faults]
    what = "several faults are" if named else "no fault is"
    raise SelectionError(f"{what} named {name!r}; {instead(name, names)}")


def _prove_scenarios(chosen: Sequence[Table], proof: Proof, ledger: Ledger) -> None:
    """Judge again by each scenario that caught nothing, until it catches a likely fault."""
    for scenario in ledger.catching_nothing():
        profile, _, name = scenario.partition("/")
        for fault in _likely(profile, name, chosen):
            _judge_again(fault, (name,), proof, ledger)
            if scenario not in ledger.catching_nothing():
                break
    for scenario in ledger.catching_nothing():
        ledger.defects.append(f"{scenario}: this scenario catches no fault")


def _likely(profile: str, name: str, chosen: Sequence[Table]) -> Iterator[Fault]:
    """The profile's faults that violate a clause which this scenario judges."""
    scenario = next(each for each in profile_named(profile).scenarios if each.name == name)
    cited = {clause.id for clause in scenario.clauses}
    for table in chosen:
        if table.profile == profile:
            yield from (fault for fault in table.faults if not cited.isdisjoint(fault.clauses))


def _judge_again(fault: Fault, scenarios: tuple[str, ...], proof: Proof, ledger: Ledger) -> None:
    """Judge by these scenarios alone (empty means all); what is wrong now is a defect."""
    again = _judge(fault, replace(proof, scenarios=scenarios, second_tries=True))
    ledger.defects += (
        mistake for mistakes in ledger.add(fault, again).values() for mistake in mistakes[:2]
    )


def _judge_all(
    faults: Sequence[Fault], jobs: int, proof: Proof
) -> Iterator[tuple[Fault, tuple[Result, ...]]]:
    """Judge all of them; those without a fault first, for what they show."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for some in (
            [fault for fault in faults if not fault.name],
            [fault for fault in faults if fault.name],
        ):
            running = {pool.submit(_judge, fault, proof): fault for fault in some}
            for done in as_completed(running):
                yield running[done], done.result()


def _judge(fault: Fault, proof: Proof) -> tuple[Result, ...]:
    """Run the catalog on the daemon with this fault."""
    manifest = load(HERE / fault.daemon)
    variant = manifest.variant(fault.variant)
    if fault.name:
        variant = replace(variant, args=(*variant.args, "--fault", fault.name))
    mine = {scenario.name for scenario in profile_named(manifest.profile).scenarios}
    scenarios = tuple(name for name in proof.scenarios if name in mine)
    selected = [
        Case(manifest, variant, _hastened(case.scenario))
        for case in cases(Selection(daemons=(str(manifest.path),), scenarios=scenarios))
        if case.variant.name == manifest.variants[0].name and proof.shows(fault, case.scenario)
    ]
    if not fault.name:
        selected = [
            replace(case, scenario=_asking(case.scenario, fault, proof)) for case in selected
        ]
    settings = Settings(second_tries=proof.second_tries, keep_going=True)
    return run(selected, settings, mock=proof.mock)


def _hastened(scenario: Scenario) -> Scenario:
    """The scenario with a shorter deadline."""
    deadline = max(DEADLINE, LONGER * scenario.deadline)
    return replace(scenario, deadline=min(deadline, scenario.deadline))


def _asking(scenario: Scenario, fault: Fault, proof: Proof) -> Scenario:
    """The scenario; its own daemon, if it has one, records which faults it reaches."""
    if not scenario.alone:
        return scenario
    folder = proof.reached(fault, scenario)
    folder.mkdir(parents=True, exist_ok=True)
    env = {**scenario.start.env, ASKED: str(folder)}
    return replace(scenario, start=replace(scenario.start, env=env))


if __name__ == "__main__":
    main()
