"""What is tested: one package per profile, one module per category, nothing but scenarios."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from conformance.scenario import REGISTRY, Scenario


def profiles() -> tuple[str, ...]:
    """The profiles that have a catalog."""
    return tuple(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def load(profile: str) -> tuple[Scenario, ...]:
    """Every scenario of the profile, by category in the catalog's order, as written in each.

    LookupError names the valid profiles.
    """
    if profile not in profiles():
        raise LookupError(f"no profile {profile!r}; there are: {', '.join(profiles())}")
    package = import_module(f"{__name__}.{profile.replace('-', '_')}")
    for category in _categories(package):
        import_module(f"{package.__name__}.{category}")
    order = {category: place for place, category in enumerate(_categories(package))}
    mine = (each for each in REGISTRY.values() if each.profile == profile)
    return tuple(sorted(mine, key=lambda each: order[each.category]))


def _categories(package: ModuleType) -> Iterator[str]:
    """The package's modules: those of its ORDER first, then those it does not mention."""
    found = {module.name for module in pkgutil.iter_modules(package.__path__)}
    yield from (name for name in package.ORDER if name in found)
    yield from sorted(found.difference(package.ORDER))
