"""The profiles that are installed, found by entry point and imported when they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from conformance.daemon.manifest_rules import Rules
from conformance.profiles.base import Profile

GROUP = "conformance.profiles"
"""The group of entry points that each name a Profile."""


class Installed(Mapping[str, Profile]):
    """The installed profiles by name. A lookup imports that one profile."""

    def __init__(self) -> None:
        """Find the entry points. Raises ValueError where two have one name."""
        self._entries: dict[str, EntryPoint] = {}
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
            other = self._entries.setdefault(entry.name, entry)
            if other.value != entry.value:
                raise ValueError(
                    f"two installed profiles are named {entry.name!r}, {other.value} and "
                    f"{entry.value}: uninstall one"
                )
        self._profiles: dict[str, Profile] = {}

    def __getitem__(self, name: str) -> Profile:
        """The profile of this name. Raises KeyError; TypeError for what is not a Profile."""
        if name not in self._profiles:
            entry = self._entries[name]
            profile = entry.load()
            if not isinstance(profile, Profile) or profile.name != name:
                raise TypeError(
                    f"the entry point {name} = {entry.value!r} of {GROUP}: expected a Profile "
                    f"named {name!r}, found {profile!r}"
                )
            self._profiles[name] = profile
        return self._profiles[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


@cache
def profiles() -> Installed:
    """The installed profiles by name, sorted by name."""
    return Installed()


class ManifestRules(Mapping[str, Rules]):
    """What each installed profile says about its manifests, by the profile's name."""

    def __getitem__(self, name: str) -> Rules:
        profile = profiles()[name]
        return Rules(profile.reach, profile.vocabulary)

    def __iter__(self) -> Iterator[str]:
        return iter(profiles())

    def __len__(self) -> int:
        return len(profiles())


def profile_named(name: str) -> Profile:
    """The profile of this name; LookupError names the valid ones."""
    try:
        return profiles()[name]
    except KeyError:
        raise LookupError(f"no profile {name!r}; there are: {', '.join(profiles())}") from None
