"""Reading a manifest: daemon.toml into values.

An error in a manifest quotes the line and says how to fix it. It is found when
the manifest is read, and not in the middle of a run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from conformance.core.capability import Vocabulary
from conformance.core.socket_type import SocketType
from conformance.daemon.manifest import (
    DEFAULT,
    START_TIMEOUT,
    Build,
    Client,
    Manifest,
    Run,
    Variant,
)
from conformance.daemon.manifest_http import read_client, read_files, read_setup, read_stop
from conformance.daemon.manifest_places import (
    BUILD_PLACES,
    RUN_PLACES,
    check_places,
    is_placed,
    placed_options,
    read_path,
)
from conformance.daemon.manifest_rules import Rules
from conformance.daemon.requires import KINDS, Requirement
from conformance.daemon.toml_positions import Document, Table, nearest

FILE = "daemon.toml"

BUILD_TIMEOUT = 900.0
"""Seconds. A cold release build of a Rust daemon with its dependencies took six minutes on
one busy core."""

SECTIONS = (
    "daemon",
    "build",
    "run",
    "files",
    "client",
    "setup",
    "signals",
    "options",
    "variants",
    "capabilities",
    "known_failures",
)


def discover(folder: Path, profiles: Mapping[str, Rules]) -> tuple[Manifest, ...]:
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


def load(path: Path | str, profiles: Mapping[str, Rules]) -> Manifest:
    """Read a manifest, given its file or its folder. Raises ManifestError.

    profiles: those that a manifest may name, and what each says about its manifests.
    """
    path = Path(path).absolute()
    document = Document.read(path / FILE if path.is_dir() else path)
    whole = Table(document)
    whole.allow(*SECTIONS)
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
    rules = profiles[profile]
    options = _options(Table(document, "options"), rules.vocabulary)
    client = read_client(Table(document, "client"), Client())
    variants = _variants(document, client, rules.vocabulary)
    return Manifest(
        path=document.path,
        name=_name(daemon),
        profile=profile,
        reach=rules.reach,
        build=_build(Table(document, "build")) if "build" in whole else None,
        run=_run(Table(document, "run"), rules.reach.placeholder),
        requires=_requires(document, "build") + _requires(document, "run"),
        options=options,
        placed_options=placed_options(document),
        variants=variants,
        capabilities=_capabilities(Table(document, "capabilities"), rules.vocabulary),
        known_failures=_known_failures(document, [each.name for each in variants]),
        files=read_files(Table(document, "files")),
        client=client,
        setup=read_setup(document),
        stop=read_stop(Table(document, "signals")),
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
    table.allow("command", "env", "socket_type", "requires", "timeout", "ready")
    table.require("command", f'command = ["{{build}}/daemon", "--{listens}", "{{{listens}}}"]')
    command = _command(table, RUN_PLACES)
    env = _env(table)
    templates = read_files(Table(table.document, "files")).values()
    if not any(f"{{{listens}}}" in text for text in (*command, *env.values(), *templates)):
        raise table.error(
            "command",
            "nothing in [run] tells the daemon where to listen",
            fix=f'pass "{{{listens}}}" in command, in env, or in a template of [files]',
        )
    return Run(
        command=command,
        env=env,
        socket_type=SocketType(
            table.one_of("socket_type", [each.value for each in SocketType], "seqpacket")
        ),
        timeout=table.seconds("timeout", START_TIMEOUT),
        ready=read_path(table, "ready", ""),
    )


def _variants(document: Document, client: Client, vocabulary: Vocabulary) -> tuple[Variant, ...]:
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
        table.allow("args", "env", "capabilities", "whole", "client", "files")
        args = table.texts("args")
        check_places(table, "args", args, RUN_PLACES)
        capabilities = _capabilities(Table(document, "variants", name, "capabilities"), vocabulary)
        found.append(
            Variant(
                name,
                args=args,
                env=_env(table),
                capabilities=capabilities,
                whole=table.flag("whole"),
                client=read_client(Table(document, "variants", name, "client"), client),
                files=read_files(Table(document, "variants", name, "files")),
            )
        )
    return tuple(found)


def _options(table: Table, vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    for key in table.values:
        if valid := vocabulary.unknown_option(key):
            raise table.error(key, f"unknown option {key!r}", fix=valid)
    options = {key: table.texts(key) for key in table.values if not is_placed(table, key)}
    for key, words in options.items():
        if not any("{}" in each for each in words):
            fix = f'say where its value goes: {key} = ["--{key.replace("_", "-")}", "{{}}"]'
            raise table.error(key, f"the option {key!r} has no place for its value", fix=fix)
    return options


def _capabilities(table: Table, vocabulary: Vocabulary) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, value in table.values.items():
        values: tuple[str, ...] = ()
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            values = (f"{value}",)
        elif not isinstance(value, bool):
            values = table.texts(key)
        if mistake := vocabulary.mistake(key, values, absent=value is False):
            raise table.error(key, mistake[0], fix=mistake[1])
        if value is not False:
            found[key] = values
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
        folders = {"file": document.path.parent, "npm": document.path.parent / "node_modules"}
        needed = f"{kind}:{folders[kind] / what}" if kind in folders else name
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
        fix = f'write the lowest version that will do, {key} = "1.22", or "*" for any'
        raise table.error(key, f"{version!r} is not a version", fix=fix)
    return version


def _command(table: Table, places: tuple[str, ...]) -> tuple[str, ...]:
    command = table.texts("command")
    if not command:
        fix = 'write the program and its arguments: command = ["./daemon", "--socket", "{socket}"]'
        raise table.error("command", "the command is empty", fix=fix)
    check_places(table, "command", command, places)
    return command


def _env(table: Table) -> dict[str, str]:
    env = table.mapping("env")
    check_places(table, "env", env.values(), RUN_PLACES)
    return env
