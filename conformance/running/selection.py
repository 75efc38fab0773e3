"""Which scenarios are judged on which variant of which daemon.

Everything that a user can misspell is looked up here, and an unknown name is
an error that says which ones there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from conformance.core.scenario import Scenario
from conformance.daemon.manifest import Manifest, Served, Variant
from conformance.profiles.base import Profile
from conformance.profiles.registry import profile_named, profiles
from conformance.running import replay
from conformance.running.manifests import attached, discover, load

DAEMONS = Path("daemons")
"""Where daemons are looked for by name, below the current directory."""

FEW = 30
"""Names that an error lists although it has a suggestion."""


class SelectionError(ValueError):
    """What was asked for does not exist, or nothing is left to judge."""


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario to be judged on one variant of one daemon."""

    manifest: Manifest
    variant: Variant
    scenario: Scenario

    @property
    def id(self) -> str:
        """`daemon/variant/scenario`."""
        return f"{self.manifest.name}/{self.variant.name}/{self.scenario.name}"


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user asked for; empty means everything."""

    daemons: tuple[str, ...] = ()
    """Names below `daemons/`, folders or manifests."""
    profile: str | None = None
    variants: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    served: Served | None = None
    """A daemon that is running already, in place of any manifest."""
    replay: tuple[Path, ...] = ()
    """Scenario files, in place of the catalog."""
    require: tuple[str, ...] = ()
    """Daemons whose skipping is a failure."""


def manifests(selection: Selection) -> tuple[Manifest, ...]:
    """The manifests of the selected daemons; errors name what there is instead."""
    if selection.served is None:
        found = _found(selection.daemons)
    elif selection.daemons:
        raise SelectionError("name either daemons or what is being served already, not both")
    else:
        found = (_attached(selection.served, selection.profile),)
    if selection.profile is not None:
        known(selection.profile, profiles(), "profile")
        found = tuple(each for each in found if each.profile == selection.profile)
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise SelectionError(f"two selected daemons are named {name!r}; rename one")
    for name in selection.require:
        known(name, names, "selected daemon")
    return found


def _attached(served: Served, name: str | None) -> Manifest:
    """What is served already; how it is reached and its profile must fit."""
    if name is not None:
        known(name, profiles(), "profile")
    installed = profiles()
    if served.socket is not None:
        name = name or next(each for each in installed if not installed[each].reach.over_tcp)
        if installed[name].reach.over_tcp:
            raise SelectionError(f"a {name} daemon is reached over TCP: give --url, not --socket")
        return attached(served, name)
    over_tcp = [each for each in installed if installed[each].reach.over_tcp]
    if name is None:
        names = ", ".join(over_tcp)
        raise SelectionError(f"say with --profile what is served at the URL: {names}")
    known(name, over_tcp, "profile that is reached over TCP")
    known(served.url.partition("://")[0], installed[name].reach.schemes, "URL scheme")
    return attached(served, name)


def cases(selection: Selection) -> tuple[Case, ...]:
    """Every case of the selection, daemon by daemon, variant by variant."""
    chosen = manifests(selection)
    catalogs = {each.profile: profile_named(each.profile).scenarios for each in chosen}
    everything = [scenario for scenarios in catalogs.values() for scenario in scenarios]
    for category in selection.categories:
        known(category, {each.category: None for each in everything}, "category")
    for name in selection.scenarios:
        known(name, [each.name for each in everything], "scenario")
    for name in selection.variants:
        known(name, {v.name: None for each in chosen for v in each.variants}, "variant")
    for manifest in chosen:
        _check_known_failures(manifest, catalogs[manifest.profile])
    if selection.replay:
        files = tuple(replay.read(each) for each in selection.replay)
        catalogs = {name: _replayed(files, profile_named(name)) for name in catalogs}
    selected = tuple(
        Case(manifest, variant, scenario)
        for manifest in chosen
        for variant in manifest.variants
        if not selection.variants or variant.name in selection.variants
        for scenario in catalogs[manifest.profile]
        if _belongs(manifest, variant, scenario)
        if not selection.categories or scenario.category in selection.categories
        if not selection.scenarios or scenario.name in selection.scenarios
    )
    if not selected:
        raise SelectionError("nothing is selected: no scenario matches all of these conditions")
    return selected


def _replayed(files: Iterable[Scenario], profile: Profile) -> tuple[Scenario, ...]:
    """The scenarios of files, for a profile that has every clause that they cite."""
    ids = {clause.id for clause in profile.clauses}
    return tuple(profile.bind(each) for each in files if ids.issuperset(each.clause_ids))


def known(name: str, valid: Iterable[str], what: str) -> None:
    """Raise SelectionError, naming the nearest valid name, or else all, unless `name` is valid."""
    names = list(valid)
    if name in names:
        return
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else ""
    if not near or len(names) <= FEW:
        hint += f"{' ' * bool(hint)}there are: {', '.join(names) or 'none'}"
    raise SelectionError(f"no {what} {name!r}; {hint}")


def _belongs(manifest: Manifest, variant: Variant, scenario: Scenario) -> bool:
    """Transport-independent scenarios are judged in the default variant only."""
    return variant is manifest.variants[0] or scenario.everywhere or variant.whole


def _found(wanted: Sequence[str]) -> tuple[Manifest, ...]:
    if not wanted:
        found = discover(DAEMONS)
        if not found:
            raise SelectionError(f"no daemon in {DAEMONS.resolve()}; name a daemon.toml")
        return found
    return tuple(_manifest(each) for each in wanted)


def _manifest(wanted: str) -> Manifest:
    path = Path(wanted)
    if path.exists() and (path.is_file() or (path / "daemon.toml").exists()):
        return load(path)
    if (DAEMONS / wanted / "daemon.toml").exists():
        return load(DAEMONS / wanted)
    names = [each.name for each in discover(DAEMONS)] if DAEMONS.is_dir() else []
    known(wanted, names, "daemon (nor a daemon.toml at that path)")
    raise AssertionError(wanted)


def _check_known_failures(manifest: Manifest, scenarios: Iterable[Scenario]) -> None:
    names = [each.name for each in scenarios]
    for entry in manifest.known_failures:
        name = entry.rpartition("/")[2]
        known(name, names, f"scenario for the known failure {entry!r} in {manifest.path}:")
