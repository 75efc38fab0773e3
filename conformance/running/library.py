"""`conformance.judge`: judge daemons from a program of your own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from conformance.core.result import Result
from conformance.profiles.environment import SILENCE
from conformance.running.judging import run
from conformance.running.selection import Selection
from conformance.running.settings import Settings


def judge(
    *daemons: str | os.PathLike[str],
    variants: Sequence[str] = (),
    categories: Sequence[str] = (),
    scenarios: Sequence[str] = (),
    folders: Sequence[str | os.PathLike[str]] = (),
    deadline: float | None = None,
    silence: float = SILENCE,
    report: Callable[[Result], None] = lambda result: None,
) -> tuple[Result, ...]:
    """Judge daemons, in this process, and return a Result for each scenario.

    daemons: manifests, folders of manifests, or names below `daemons/`.
    variants, categories, scenarios: names; empty means all. folders: folders of scenario
    modules, in addition to the catalog.
    deadline: seconds that bound each scenario, in place of its own deadline. silence: length
    of the simulated model silence, in seconds. report: called with each Result as soon as
    it exists.
    Raises SelectionError for an unknown name, and ManifestError or ScenarioError for a
    mistake in a file. A daemon that cannot be built or started has failed Results.
    """
    selection = Selection(
        daemons=tuple(map(str, daemons)),
        variants=tuple(variants),
        categories=tuple(categories),
        scenarios=tuple(scenarios),
        folders=tuple(map(Path, folders)),
    )
    return run(selection, Settings(deadline=deadline, silence=silence), report)
