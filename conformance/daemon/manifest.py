"""A daemon's manifest as values: everything that the suite knows of a daemon.

The manifest says how the daemon is built and started, in which variants, how its
options are passed on, what its clients send, and what it can do.
manifest_reader.py reads these values from daemon.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from conformance.core.reach import Reach
from conformance.core.socket_type import SocketType
from conformance.daemon.requires import Requirement, Unmet, unmet
from conformance.daemon.served import Served
from conformance.daemon.toml_positions import ManifestError, nearest

__all__ = ["ManifestError"]

DEFAULT = "default"
"""The variant that every daemon has: [run] as it stands."""

START_TIMEOUT = 10.0
"""Seconds from start to a socket that accepts, on a calm machine. An interpreter with many
imports needs a tenth of it. The manifest of a daemon that compiles at its start gives more."""


@dataclass(frozen=True, slots=True)
class Build:
    """How a daemon is built."""

    command: tuple[str, ...]
    inputs: tuple[str, ...]
    """Glob patterns below the manifest's folder, `**` for any depth."""
    timeout: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a daemon is started. Its current folder is the manifest's."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    socket_type: SocketType
    timeout: float
    """Seconds from start to readiness on a calm machine."""
    ready: str = ""
    """A path that answers 200 to a GET when the daemon is ready; empty: it accepts."""


ANY_MODEL = "gpt-4o-mini"
"""The model of a request, where neither the scenario nor the manifest names one."""


@dataclass(frozen=True, slots=True)
class Client:
    """What the clients of a daemon that is reached by HTTP send."""

    scheme: str = "http"
    path: str = "/v1/chat/completions"
    model: str = ANY_MODEL
    """The name of the only model that the daemon knows; otherwise each scenario has its own."""
    key: str = "{api_key}"
    """The bearer key, with placeholders."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further fields of the request's head, with placeholders."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is done once, after readiness and before the first scenario."""

    command: tuple[str, ...] = ()
    """A command that must succeed."""
    requests: tuple[SetupRequest, ...] = ()
    """HTTP requests to the daemon, in order; each must be answered 2xx."""


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """One HTTP request of the set-up."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """How a daemon is asked to stop gracefully: by a signal, or by a command."""

    signal: str = "TERM"
    """The signal's name without SIG."""
    command: tuple[str, ...] = ()
    """Runs in place of the signal, where it is not empty."""


@dataclass(frozen=True, slots=True)
class PlacedOption:
    """An option whose value stands in a configuration file: `{option_NAME}`."""

    default: str
    """What stands there where no scenario sets the option."""
    format: str
    """`{}` is the value, `{s}` whole seconds (rounded up), `{ms}` whole milliseconds."""

    def text(self, value: str | None) -> str:
        """What stands in the file for this value; the default for None."""
        if value is None:
            return self.default
        if "{}" in self.format:
            return self.format.replace("{}", value)
        seconds = float(value)
        whole = self.format.replace("{s}", str(max(1, ceil(seconds))))
        return whole.replace("{ms}", str(max(1, round(seconds * 1000))))


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of starting the same daemon: what it adds to [run]."""

    name: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    capabilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each one given here replaces the daemon's of that name."""
    whole: bool = False
    """Judged by the whole catalog, and not only by scenarios for which the variant matters."""
    client: Client | None = None
    """Replaces the daemon's, where it is given."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Each one given here replaces the daemon's of that name."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A daemon, as its manifest describes it."""

    path: Path
    """The file, absolute."""
    name: str
    profile: str
    reach: Reach
    """How the profile's daemons are reached."""
    build: Build | None
    run: Run
    requires: tuple[Requirement, ...]
    """What must be on the machine to build and to run it."""
    options: Mapping[str, tuple[str, ...]]
    """How an option is passed on: its name -> arguments in which `{}` is the value."""
    variants: tuple[Variant, ...]
    """`default` first, then in the order of the file."""
    capabilities: Mapping[str, tuple[str, ...]]
    """By name, the values it is declared with; one declared as `true` does not have a value."""
    known_failures: Mapping[str, str]
    """`scenario` or `variant/scenario` -> the reason, with a link to the tracker."""
    served: Served | None = None
    """Set for a daemon that is running already, and so does not have a manifest file."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Name of a file in the instance's state folder -> the template that it is written from."""
    client: Client = field(default_factory=Client)
    setup: Setup = field(default_factory=Setup)
    placed_options: Mapping[str, PlacedOption] = field(default_factory=dict)
    stop: Stop = field(default_factory=Stop)

    @property
    def dir(self) -> Path:
        """The folder of the manifest."""
        return self.path.parent

    @property
    def build_dir(self) -> Path:
        """The folder for built files: `{build}`."""
        return self.dir / ".build"

    @property
    def versions_file(self) -> Path:
        """Where the versions of the required tools are kept."""
        return self.build_dir / ".versions"

    def variant(self, name: str) -> Variant:
        """The variant of this name; LookupError names the nearest and all."""
        for each in self.variants:
            if each.name == name:
                return each
        names = [each.name for each in self.variants]
        raise LookupError(
            f"{self.name} has no variant {name!r}: {nearest(name, names)}it has {', '.join(names)}"
        )

    def declares(self, need: str, variant: Variant) -> bool:
        """Whether a capability is declared: `body`, or one value of it, `format=openai`.

        Some are declared by themselves (capability.BY_ITSELF): `socket=stream`, as [run]
        socket_type says; `mock`, unless a daemon that is served already uses another API;
        `api_key`, unless such a daemon has a key of its own; `process`, unless it is reached
        at a URL; and `events` by every daemon that reads events, which `relay = "bytes"` does
        not.
        """
        name, _, value = need.partition("=")
        declared = self._declared(variant)
        return name in declared and (not value or value in declared[name])

    def values(self, capability: str, variant: Variant) -> tuple[str, ...]:
        """The values of a capability, in the order of the manifest; () where it is absent."""
        return self._declared(variant).get(capability, ())

    def _declared(self, variant: Variant) -> dict[str, tuple[str, ...]]:
        known: dict[str, tuple[str, ...]] = {"socket": (self.run.socket_type.value,)}
        declared = {**self.capabilities, **variant.capabilities}
        if self.served is None or self.served.mock_port is not None:
            known["mock"] = ()
        if self.served is None or declared.get("key") != ("own",):
            known["api_key"] = ()
        if self.served is None or self.served.socket is not None:
            known["process"] = ()
        if declared.get("relay") != ("bytes",):
            known["events"] = ()
        return {**known, **declared}

    def client_of(self, variant: Variant) -> Client:
        """What the clients of this variant send."""
        return variant.client or self.client

    def inexpressible(self, options: Iterable[str]) -> tuple[str, ...]:
        """Those options that the manifest's [options] cannot pass on."""
        known = {*self.options, *self.placed_options}
        return tuple(name for name in options if name not in known)

    def known_failure(self, variant: str, scenario: str) -> str | None:
        """The reason why this scenario is expected to fail there, or None."""
        return self.known_failures.get(f"{variant}/{scenario}") or self.known_failures.get(scenario)

    def command(
        self, variant: Variant, places: Mapping[str, str], options: Mapping[str, str]
    ) -> list[str]:
        """The command line of an instance. LookupError for an inexpressible option."""
        if absent := self.inexpressible(options):
            raise LookupError(f"{self.path}: [options] has no entry for {', '.join(absent)}")
        words = [fill(word, places) for word in (*self.run.command, *variant.args)]
        for name, value in options.items():
            words += [word.replace("{}", value) for word in self.options.get(name, ())]
        return words

    def placed(self, options: Mapping[str, str]) -> dict[str, str]:
        """The values of `{option_NAME}`, where these options are set."""
        return {
            f"option_{name}": option.text(options.get(name))
            for name, option in self.placed_options.items()
        }

    def environment(self, variant: Variant, places: Mapping[str, str]) -> dict[str, str]:
        """What [run] and the variant set in an instance's environment."""
        both = {**self.run.env, **variant.env}
        return {name: fill(value, places) for name, value in both.items()}


PLACE = re.compile(r"\{([a-z_]+)\}")
"""A placeholder."""


def fill(text: str, places: Mapping[str, str]) -> str:
    """Put the values in for the placeholders; KeyError where one has no value."""
    return PLACE.sub(lambda match: places[match[1]], text)


def missing(manifest: Manifest) -> Unmet | None:
    """Why this daemon cannot be judged on this machine, and what to install; else None.

    Asks each required tool for its version once, which takes some 10 ms.
    """
    return unmet(manifest.requires, cache=manifest.versions_file)
