"""Capabilities and options: what a profile lets a manifest declare about a daemon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from conformance.core.names import instead


class Kind(Enum):
    """What the values of a capability are."""

    FLAG = "`true`"
    CHOICE = ""
    """One or several of a closed list."""
    NUMBER = "a number"
    NAMES = "names"
    """Any text, such as the names of fields."""


@dataclass(frozen=True, slots=True)
class Capability:
    """One capability that a daemon may declare."""

    meaning: str
    """Half a sentence, for the documentation."""
    values: tuple[str, ...] = ()
    """The closed list; empty for the other kinds."""
    kind: Kind = Kind.FLAG

    @property
    def shown(self) -> str:
        """Its values, as the documentation lists them."""
        return ", ".join(f"`{value}`" for value in self.values) or self.kind.value

    @property
    def numeric(self) -> bool:
        """Whether its value is a number."""
        return self.kind is Kind.NUMBER

    def mistake(self, name: str, values: tuple[str, ...]) -> tuple[str, str] | None:
        """What is wrong with these values, and how to fix it; None where nothing is."""
        if self.kind is Kind.FLAG:
            if values:
                return f"{name} does not have values, found {', '.join(values)}", f"{name} = true"
            return None
        if not values:
            example = f'"{self.values[0]}"' if self.values else "1" if self.numeric else '["…"]'
            return f"{name} needs a value, found true", f"{name} = {example}"
        for value in values:
            if self.numeric and not _is_number(value):
                return f"{name} needs a number from 0, found {value!r}", f"{name} = 1"
            if self.kind is Kind.CHOICE and value not in self.values:
                return f"unknown value {value!r} of {name}", instead(value, self.values)
        return None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the manifests of a profile's daemons may declare."""

    capabilities: Mapping[str, Capability] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    """Name of an option -> its meaning: half a sentence, with the unit."""

    def mistake(
        self, name: str, values: tuple[str, ...], *, absent: bool = False
    ) -> tuple[str, str] | None:
        """What is wrong with a declared capability, and how to fix it; None where nothing is.

        absent: it is declared as false, so only the name matters.
        """
        if name.startswith(OWN):
            return None
        if name not in self.capabilities:
            return f"unknown capability {name!r}", instead(name, self.capabilities)
        return None if absent else self.capabilities[name].mistake(name, values)

    def unknown_option(self, name: str) -> str | None:
        """The valid options, where this one does not exist; else None."""
        if name in self.options or name.startswith(OWN):
            return None
        return instead(name, self.options)

    def unknown_need(self, need: str) -> str | None:
        """What is wrong with a need of a scenario: `body`, `format=openai`; else None."""
        name, _, value = need.partition("=")
        whole = Vocabulary({**self.capabilities, **BY_ITSELF})
        if not value and name in whole.capabilities:
            return None
        mistake = whole.mistake(name, (value,) if value else ())
        return mistake and "; ".join(mistake)


OWN = "x_"
"""What a capability or an option of a user's own scenarios begins with."""


def choice(meaning: str, *values: str) -> Capability:
    """A capability with one or several values of a closed list."""
    return Capability(meaning, values, Kind.CHOICE)


def number(meaning: str) -> Capability:
    """A capability whose value is a number from 0."""
    return Capability(meaning, kind=Kind.NUMBER)


def names(meaning: str) -> Capability:
    """A capability whose values are names."""
    return Capability(meaning, kind=Kind.NAMES)


BY_ITSELF = {
    "socket": choice("the type of its Unix socket, as [run] says", "seqpacket", "stream"),
    "mock": Capability("its API is the mock API"),
    "process": Capability("the suite can look at its process"),
    "events": Capability("it reads the API's events"),
    "api_key": Capability("the suite knows the key that it sends to the API"),
}
"""What the suite itself knows of a daemon: a scenario may need it, no manifest declares it."""


def _is_number(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False
