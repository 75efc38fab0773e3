"""A daemon's manifest: daemon.toml, read into values.

The manifest is all the suite knows of a daemon: how it is built, started and
told its wishes, in which variants, and what it can do. Whatever is wrong with
one is an error that quotes the line and says how to fix it, found when the
manifest is read and not in the middle of a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.core.reach import Reach
from conformance.core.socket_type import SocketType
from conformance.daemon.requires import KINDS, Requirement, unmet
from conformance.daemon.toml_positions import Document, ManifestError, Table, nearest

__all__ = [
    "Build",
    "Manifest",
    "ManifestError",
    "Requirement",
    "Run",
    "Served",
    "SocketType",
    "Variant",
    "attached",
    "discover",
    "fill",
    "load",
    "missing",
]

FILE = "daemon.toml"

DEFAULT = "default"
"""The variant that every daemon has: [run] as it stands."""

START_TIMEOUT = 10.0
"""Seconds from start to a socket that accepts, on a calm machine. Ten times what an
interpreter with many imports needs; a daemon that compiles at its start says more."""

BUILD_TIMEOUT = 900.0
"""Seconds. A cold release build of a Rust daemon with its dependencies on one busy core
was seen to take six minutes."""

BUILD_PLACES = ("build", "dir", "python")
RUN_PLACES = (
    "socket",
    "host",
    "port",
    "state",
    *BUILD_PLACES,
    "api_key",
    "api_base",
    "api_base_plain",
    "api_socket",
    "ca_file",
)
"""The placeholders that may stand in [run] and in variants; [build] knows fewer."""


@dataclass(frozen=True, slots=True)
class Build:
    """How a daemon is built."""

    command: tuple[str, ...]
    inputs: tuple[str, ...]
    """Glob patterns below the manifest's folder, `**` for any depth."""
    timeout: float


@dataclass(frozen=True, slots=True)
class Run:
    """How a daemon is started. Its current folder is the manifest's."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    socket_type: SocketType
    timeout: float
    """Seconds from start to readiness on a calm machine."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of starting the same daemon: what it adds to [run]."""

    name: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    capabilities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each one given here replaces the daemon's of that name."""
    whole: bool = False
    """Judged by the whole catalog, not only by scenarios for which the variant matters."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where somebody else serves a daemon; it is neither built nor started nor stopped."""

    socket: Path | None
    """Its Unix socket (profile `handoff`)."""
    api_key: str = ""
    """The key it was given, so that its requests are known; empty when that is not told."""
    url: str = ""
    """Where it is reached over TCP (the other profiles): ws://HOST/PATH, wss://, http://…"""

    @property
    def where(self) -> str:
        """The path or the URL."""
        return self.url or str(self.socket)


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
    """How a wish is passed on: its name -> arguments in which `{}` is the value."""
    variants: tuple[Variant, ...]
    """`default` first, then in the order of the file."""
    capabilities: Mapping[str, tuple[str, ...]]
    """By name, the values it is declared with; one declared as `true` has none."""
    known_failures: Mapping[str, str]
    """`scenario` or `variant/scenario` -> the reason, with a link to the tracker."""
    served: Served | None = None
    """Set where there is no file: the daemon is running already."""

    @property
    def dir(self) -> Path:
        """The folder of the manifest."""
        return self.path.parent

    @property
    def build_dir(self) -> Path:
        """Where what is built is put: `{build}`."""
        return self.dir / ".build"

    @property
    def versions_file(self) -> Path:
        """Where the versions of the required tools are remembered."""
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

        [run] socket_type counts as one: `socket=stream`. So does the mock API, `mock`, which
        a daemon has for its model unless somebody else serves it at a URL.
        """
        name, _, value = need.partition("=")
        known: dict[str, tuple[str, ...]] = {"socket": (self.run.socket_type.value,)}
        if self.served is None or not self.served.url:
            known["mock"] = ()
        declared = {
            **known,
            **self.capabilities,
            **variant.capabilities,
        }
        return name in declared and (not value or value in declared[name])

    def inexpressible(self, wishes: Iterable[str]) -> tuple[str, ...]:
        """Those wishes that [options] has no way of passing on."""
        return tuple(each for each in wishes if each not in self.options)

    def known_failure(self, variant: str, scenario: str) -> str | None:
        """The reason why this scenario is expected to fail there, or None."""
        return self.known_failures.get(f"{variant}/{scenario}") or self.known_failures.get(scenario)

    def command(
        self, variant: Variant, places: Mapping[str, str], wishes: Mapping[str, str]
    ) -> list[str]:
        """The command line of an instance. LookupError for an inexpressible wish."""
        if absent := self.inexpressible(wishes):
            raise LookupError(f"{self.path}: [options] has no entry for {', '.join(absent)}")
        words = [fill(each, places) for each in (*self.run.command, *variant.args)]
        for wish, value in wishes.items():
            words += [each.replace("{}", value) for each in self.options[wish]]
        return words

    def environment(self, variant: Variant, places: Mapping[str, str]) -> dict[str, str]:
        """What [run] and the variant set in an instance's environment."""
        both = {**self.run.env, **variant.env}
        return {name: fill(value, places) for name, value in both.items()}


_PLACE = re.compile(r"\{([a-z_]+)\}")


def fill(text: str, places: Mapping[str, str]) -> str:
    """Put the values in for the placeholders; KeyError where one has no value."""
    return _PLACE.sub(lambda match: places[match[1]], text)


def missing(manifest: Manifest) -> str | None:
    """Why this daemon cannot be judged on this machine, and what to install; else None.

    Asks the required tools for their versions, once: some 10 ms each.
    """
    return unmet(manifest.requires, cache=manifest.versions_file)


def discover(folder: Path, profiles: Mapping[str, Reach]) -> tuple[Manifest, ...]:
    """The manifests in the folders below this one, by name; ManifestError for a name used twice."""
    found: dict[str, Manifest] = {}
    for path in sorted(folder.glob(f"*/{FILE}")):
        manifest = load(path, profiles)
        if manifest.name in found:
            raise Document.read(manifest.path).error(
                ("daemon", "name"),
                f"the name {manifest.name!r} is taken by {found[manifest.name].path}",
                fix="give each daemon a name of its own",
            )
        found[manifest.name] = manifest
    return tuple(found[name] for name in sorted(found))


def load(path: Path | str, profiles: Mapping[str, Reach]) -> Manifest:
    """Read a manifest, given its file or its folder. Raises ManifestError.

    profiles: those that a manifest may name, and how their daemons are reached.
    """
    path = Path(path).absolute()
    document = Document.read(path / FILE if path.is_dir() else path)
    whole = Table(document)
    whole.allow("daemon", "build", "run", "options", "variants", "capabilities", "known_failures")
    for section, example in (
        ("daemon", '[daemon]\n    name = "go"\n    profile = "handoff"'),
        ("run", '[run]\n    command = ["./daemon", "--socket", "{socket}"]'),
    ):
        whole.require(section, example)

    daemon = Table(document, "daemon")
    daemon.allow("name", "profile")
    daemon.require("name", 'name = "go"')
    daemon.require("profile", 'profile = "handoff"')
    profile = daemon.one_of("profile", tuple(profiles))
    variants = _variants(document)
    return Manifest(
        path=document.path,
        name=_name(daemon),
        profile=profile,
        reach=profiles[profile],
        build=_build(Table(document, "build")) if "build" in whole else None,
        run=_run(Table(document, "run"), profiles[profile].placeholder),
        requires=_requires(document, "build") + _requires(document, "run"),
        options=_options(Table(document, "options")),
        variants=variants,
        capabilities=_capabilities(Table(document, "capabilities")),
        known_failures=_known_failures(document, [each.name for each in variants]),
    )


def attached(served: Served, profile: str, reach: Reach) -> Manifest:
    """What is known of a daemon that somebody else serves."""
    told = served.url.partition("://")[2] if served.socket is None else served.socket.stem
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", told).strip("-._") or "daemon"
    spoken = SocketType.SEQPACKET if served.socket is None else SocketType.served_on(served.socket)
    return Manifest(
        path=(served.socket or Path()).absolute(),
        name=name,
        profile=profile,
        reach=reach,
        build=None,
        run=Run(command=(), env={}, socket_type=spoken, timeout=START_TIMEOUT),
        requires=(),
        options={},
        variants=(Variant(DEFAULT),),
        capabilities={},
        known_failures={},
        served=served,
    )


def _name(daemon: Table) -> str:
    name = daemon.text("name")
    # It is a part of test ids and of the mock API's paths; `::` and `@` break pytest's own.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        fix = "use letters, digits, dots, dashes and underscores"
        raise daemon.error("name", f"{name!r} cannot be a daemon's name", fix=fix)
    return name


def _build(table: Table) -> Build:
    table.allow("command", "inputs", "requires", "timeout")
    table.require("command", 'command = ["make", "OUT={build}"]')
    table.require("inputs", 'inputs = ["src/**/*.c", "Makefile"]')
    return Build(
        command=_command(table, BUILD_PLACES),
        inputs=table.texts("inputs"),
        timeout=table.seconds("timeout", BUILD_TIMEOUT),
    )


def _run(table: Table, listens: str) -> Run:
    """Read [run]; `listens` is the placeholder that tells the daemon where to listen."""
    table.allow("command", "env", "socket_type", "requires", "timeout")
    table.require("command", f'command = ["{{build}}/daemon", "--{listens}", "{{{listens}}}"]')
    command = _command(table, RUN_PLACES)
    env = _env(table)
    if not any(f"{{{listens}}}" in each for each in (*command, *env.values())):
        raise table.error(
            "command",
            "nothing in [run] tells the daemon where to listen",
            fix=f'pass "{{{listens}}}" in command or in env',
        )
    return Run(
        command=command,
        env=env,
        socket_type=SocketType(
            table.one_of("socket_type", [each.value for each in SocketType], "seqpacket")
        ),
        timeout=table.seconds("timeout", START_TIMEOUT),
    )


def _variants(document: Document) -> tuple[Variant, ...]:
    found = [Variant(DEFAULT)]
    names = Table(document, "variants")
    for name in names.values:
        if name == DEFAULT:
            fix = "put into [run] what holds for it"
            raise names.error(name, f"the variant {DEFAULT!r} is there by itself", fix=fix)
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            fix = "use letters, digits, dots, dashes and underscores"
            raise names.error(name, f"{name!r} cannot be a variant's name", fix=fix)
        table = Table(document, "variants", name)
        table.allow("args", "env", "capabilities", "whole")
        args = table.texts("args")
        _check_places(table, "args", args, RUN_PLACES)
        capabilities = _capabilities(Table(document, "variants", name, "capabilities"))
        found.append(
            Variant(
                name,
                args=args,
                env=_env(table),
                capabilities=capabilities,
                whole=table.flag("whole"),
            )
        )
    return tuple(found)


def _options(table: Table) -> dict[str, tuple[str, ...]]:
    options = {key: table.texts(key) for key in table.values}
    for key, words in options.items():
        if not any("{}" in each for each in words):
            fix = f'say where its value goes: {key} = ["--{key.replace("_", "-")}", "{{}}"]'
            raise table.error(key, f"the option {key!r} has no place for its value", fix=fix)
    return options


def _capabilities(table: Table) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, value in table.values.items():
        if value is False:
            continue
        if isinstance(value, str):
            found[key] = (value,)
        else:
            found[key] = () if value is True else table.texts(key)
    return found


def _known_failures(document: Document, variants: list[str]) -> dict[str, str]:
    table = Table(document, "known_failures")
    reasons: dict[str, str] = {}
    for key in table.values:
        reasons[key] = table.text(key)
        variant, slash, _ = key.rpartition("/")
        if slash and variant not in variants:
            fix = f"{nearest(variant, variants)}the variants are: {', '.join(variants)}"
            raise table.error(key, f"unknown variant {variant!r} in [known_failures]", fix=fix)
        if not reasons[key].strip():
            fix = "say why it fails, with a link to where that is tracked"
            raise table.error(key, f"the known failure {key!r} has no reason", fix=fix)
    return reasons


def _requires(document: Document, section: str) -> tuple[Requirement, ...]:
    table = Table(document, section, "requires")
    found = []
    for name, value in table.values.items():
        kind, colon, what = name.partition(":")
        if colon and kind not in KINDS:
            fix = f"{nearest(kind, KINDS)}valid are: a command's name, {', '.join(KINDS)}"
            raise table.error(name, f"unknown kind of requirement {kind!r}", fix=fix)
        # A file is looked for from the manifest's folder: `file:vendor/autoload.php`.
        needed = f"file:{document.path.parent / what}" if kind == "file" else name
        if not isinstance(value, dict):
            found.append(Requirement(needed, version=_version(table, name)))
            continue
        details = Table(document, section, "requires", name)
        details.allow("version", "install", "check")
        found.append(
            Requirement(
                needed,
                version=_version(details, "version"),
                install=details.text("install"),
                check=details.texts("check"),
            )
        )
    return tuple(found)


def _version(table: Table, key: str) -> str:
    version = table.text(key, "*")
    if not re.fullmatch(r"\*|\d+(\.\d+)*", version):
        fix = f'write the least version that will do, {key} = "1.22", or "*" for any'
        raise table.error(key, f"{version!r} is no version", fix=fix)
    return version


def _command(table: Table, places: tuple[str, ...]) -> tuple[str, ...]:
    command = table.texts("command")
    if not command:
        fix = 'write the program and its arguments: command = ["./daemon", "--socket", "{socket}"]'
        raise table.error("command", "the command is empty", fix=fix)
    _check_places(table, "command", command, places)
    return command


def _env(table: Table) -> dict[str, str]:
    env = table.mapping("env")
    _check_places(table, "env", env.values(), RUN_PLACES)
    return env


def _check_places(table: Table, key: str, texts: Iterable[str], valid: tuple[str, ...]) -> None:
    for text in texts:
        for place in _PLACE.findall(text):
            if place not in valid:
                known = ", ".join(f"{{{each}}}" for each in valid)
                fix = f"{nearest(place, valid)}{table.name} knows {known}"
                raise table.error(key, f"unknown placeholder {{{place}}}", fix=fix)
