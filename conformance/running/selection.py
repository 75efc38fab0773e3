"""Selection: which scenarios are judged on which variant of which daemon.

Every name that a user can misspell is looked up here. An unknown name is an error
that gives the nearest valid one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.core.scenario import FIRST, VERSION, Scenario
from conformance.daemon.manifest import Manifest, Variant
from conformance.daemon.manifest_reader import FILE
from conformance.daemon.served import Served
from conformance.profiles.base import Profile
from conformance.profiles.registry import profile_named, profiles
from conformance.running import replay
from conformance.running.lookup import SelectionError, known, matching
from conformance.running.manifests import discover, load
from conformance.running.scenario_folder import scenarios_in
from conformance.running.serving import attached

DAEMONS = Path("daemons")
"""The folder below the current one in which daemons are looked for by name."""


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario to be judged on one variant of one daemon."""

    manifest: Manifest
    variant: Variant
    scenario: Scenario
    required: bool = False
    """Whether a skip for want of a tool is a failure."""
    source: tuple[str, ...] = ()
    """The arguments of `conformance run` that load the scenario; empty for the catalog."""

    @property
    def id(self) -> str:
        """`daemon/variant/scenario`."""
        return f"{self.group}/{self.scenario.name}"

    @property
    def group(self) -> str:
        """`daemon/variant`."""
        return f"{self.manifest.name}/{self.variant.name}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user selects; empty means everything."""

    daemons: tuple[str, ...] = ()
    """Names below `daemons/`, folders or manifests. Empty: the daemon.toml of the current folder,
    or else every daemon below `daemons/`."""
    profile: str | None = None
    variants: tuple[str, ...] = ()
    since: str | None = None
    """Only the scenarios that this version of the suite has."""
    categories: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    """Names, or patterns as a shell has them: `unicode_*`."""
    served: Served | None = None
    """A daemon that is running already, in place of any manifest."""
    replay: tuple[Path, ...] = ()
    """Scenario files, in place of the catalog."""
    folders: tuple[Path, ...] = ()
    """Folders of scenario modules, in addition to the catalog."""
    require: tuple[str, ...] = ()
    """Daemons whose skipping is a failure."""


def manifests(selection: Selection) -> tuple[Manifest, ...]:
    """The manifests of the selected daemons; errors name what there is instead."""
    if selection.served is None:
        chosen = _named(selection.daemons)
    elif selection.daemons:
        raise SelectionError("name either daemons or what is being served already, not both")
    else:
        chosen = (attached(selection.served, selection.profile),)
    if selection.profile is not None:
        known(selection.profile, profiles(), "profile")
        chosen = tuple(each for each in chosen if each.profile == selection.profile)
    names = [manifest.name for manifest in chosen]
    for name in names:
        if names.count(name) > 1:
            raise SelectionError(f"two selected daemons are named {name!r}; rename one")
    for name in selection.require:
        known(name, names, "selected daemon")
    return chosen


def cases(selection: Selection, chosen: Sequence[Manifest] | None = None) -> tuple[Case, ...]:
    """Every case of the selection, daemon by daemon, variant by variant.

    chosen: the selection's manifests, where they have been read already.
    """
    if chosen is None:
        chosen = manifests(selection)
    catalogs = {each.profile: profile_named(each.profile).scenarios for each in chosen}
    for manifest in chosen:
        _check_known_failures(manifest, catalogs[manifest.profile])
    sources: dict[str, tuple[str, ...]] = {}
    if selection.replay:
        files = {path: replay.read(path) for path in selection.replay}
        catalogs = {name: _replayed(files.values(), profile_named(name)) for name in catalogs}
        sources = {scenario.name: ("--replay", str(path)) for path, scenario in files.items()}
    for folder in selection.folders:
        declared = scenarios_in(folder)
        for name, catalog in catalogs.items():
            catalogs[name] += profile_named(name).bound(declared, others=catalog)
        sources |= {scenario.name: ("--scenarios", str(folder)) for scenario in declared}
    names = _names(selection, chosen, [each for some in catalogs.values() for each in some])
    until = _version(selection.since)
    selected = tuple(
        Case(
            manifest,
            variant,
            scenario,
            required=manifest.name in selection.require,
            source=sources.get(scenario.name, ()),
        )
        for manifest in chosen
        for variant in manifest.variants
        if not selection.variants or variant.name in selection.variants
        for scenario in catalogs[manifest.profile]
        if belongs(manifest, variant, scenario)
        if until is None or _parts(scenario.since) <= until
        if not selection.categories or scenario.category in selection.categories
        if not selection.scenarios or scenario.name in names
    )
    if not selected:
        raise SelectionError("nothing is selected: no scenario matches all of these conditions")
    return selected


def belongs(manifest: Manifest, variant: Variant, scenario: Scenario) -> bool:
    """Whether the variant matters to the scenario; in the default variant every one is judged."""
    return variant is manifest.variants[0] or scenario.everywhere or variant.whole


def _version(text: str | None) -> tuple[int, ...] | None:
    """The version's parts; None for None. Raises SelectionError for what is not a version."""
    if text is not None and not VERSION.fullmatch(text):
        raise SelectionError(f"--since: expected a version such as {FIRST}, found {text!r}")
    return None if text is None else _parts(text)


def _parts(version: str) -> tuple[int, ...]:
    """`0.2` is `0.2.0`."""
    major, minor, patch = [*map(int, version.split(".")), 0][:3]
    return major, minor, patch


def _names(
    selection: Selection, chosen: Iterable[Manifest], scenarios: Sequence[Scenario]
) -> set[str]:
    """The names of the selected scenarios.

    Raises SelectionError for a category, scenario or variant that does not exist.
    """
    categories = {each.category: None for each in scenarios}
    for category in selection.categories:
        known(category, categories, "category")
    for name in selection.variants:
        known(name, {v.name: None for each in chosen for v in each.variants}, "variant")
    every = [each.name for each in scenarios]
    return {
        name
        for wanted in selection.scenarios
        for name in matching(wanted, every, categories=categories)
    }


def _replayed(files: Iterable[Scenario], profile: Profile) -> tuple[Scenario, ...]:
    """The scenarios of files, for a profile that has every clause that they cite."""
    ids = {clause.id for clause in profile.clauses}
    return profile.bound(each for each in files if ids.issuperset(each.clause_ids))


def _named(names: Sequence[str]) -> tuple[Manifest, ...]:
    if names:
        return tuple(_manifest(name) for name in names)
    if Path(FILE).is_file():
        return (load(FILE),)
    everything = discover(DAEMONS)
    if not everything:
        raise SelectionError(f"no {FILE} here, and no daemon in {DAEMONS.resolve()}; name one")
    return everything


def _manifest(name: str) -> Manifest:
    path = Path(name)
    if path.exists() and (path.is_file() or (path / "daemon.toml").exists()):
        return load(path)
    if (DAEMONS / name / "daemon.toml").exists():
        return load(DAEMONS / name)
    names = [manifest.name for manifest in discover(DAEMONS)] if DAEMONS.is_dir() else []
    known(name, names, "daemon (nor a daemon.toml at that path)")
    raise AssertionError(name)


def _check_known_failures(manifest: Manifest, scenarios: Iterable[Scenario]) -> None:
    names = [scenario.name for scenario in scenarios]
    for entry in manifest.known_failures:
        name = entry.rpartition("/")[2]
        known(name, names, f"scenario for the known failure {entry!r} in {manifest.path}:")
