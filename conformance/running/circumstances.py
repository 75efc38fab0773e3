"""Circumstances of a run, for reports: the machine, the daemons, the scenarios, the contract."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from conformance.core.result import About, Judged, Run, Sentence
from conformance.core.scenario import Scenario
from conformance.daemon.manifest import Manifest
from conformance.profiles.registry import profile_named
from conformance.running.selection import Case

PACKAGE = Path(__file__).parents[2]
"""The folder that holds the package `conformance`."""


def described(run: Run, cases: Sequence[Case]) -> Run:
    """The run with its circumstances, as far as its results need them."""
    judged = {(result.profile, result.scenario) for result in run.results}
    daemons = {result.daemon for result in run.results}
    scenarios = {
        (each.scenario.profile, each.scenario.name): each.scenario
        for each in cases
        if (each.scenario.profile, each.scenario.name) in judged
    }
    manifests = {each.manifest.name: each.manifest for each in cases}
    clauses = {
        (scenario.profile, clause.id): Sentence(
            scenario.profile, clause.id, clause.level.value, clause.sentence
        )
        for scenario in scenarios.values()
        for clause in profile_named(scenario.profile).clauses
    }
    return replace(
        run,
        machine=machine(),
        daemons=tuple(_judged(each) for name, each in manifests.items() if name in daemons),
        scenarios=tuple(map(_about, scenarios.values())),
        clauses=tuple(clauses.values()),
    )


def machine() -> dict[str, str]:
    """What the run happens on."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "processors": str(len(os.sched_getaffinity(0))),
    }


def _judged(manifest: Manifest) -> Judged:
    if manifest.served is not None:
        return Judged(manifest.name, manifest.profile, "", "")
    return Judged(
        manifest.name,
        manifest.profile,
        _from_here(manifest.path),
        _revision(manifest.dir),
        _lines(manifest.path),
    )


def _revision(folder: Path) -> str:
    """What git calls the folder's state; empty outside a repository, or without git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--tags"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _lines(path: Path) -> dict[str, int]:
    """The line of each section of a manifest, and of each known failure."""
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if header := re.match(r"\s*\[([\w.-]+)\]", line):
            section = header[1]
            lines[section] = number
        elif section == "known_failures" and (key := re.match(r"\s*\"?([\w./-]+)\"?\s*=", line)):
            lines[f"known_failures.{key[1]}"] = number
    return lines


def _about(scenario: Scenario) -> About:
    code = scenario.function.__code__
    return About(
        profile=scenario.profile,
        name=scenario.name,
        category=scenario.category,
        description=scenario.description,
        clauses=scenario.clause_ids,
        source=f"{_from_here(Path(code.co_filename))}:{code.co_firstlineno}",
        basis=scenario.evidence or "",
        since=scenario.since,
    )


def _from_here(path: Path) -> str:
    """The path from the current folder, or from the package's folder for a part of it."""
    path = path.resolve()
    for base in (Path.cwd(), PACKAGE):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)
