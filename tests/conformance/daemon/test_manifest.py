"""daemon.toml -> Manifest, and errors that quote the line and say how to fix it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.core.socket_type import SocketType
from conformance.daemon.manifest import ManifestError, Variant, missing
from conformance.running.manifests import discover, load

WHOLE = """\
[daemon]
name = "go"
profile = "handoff"

[build]
command = ["go", "build", "-o", "{build}/daemon", "."]
inputs = ["**/*.go", "go.mod"]
requires = { go = "1.22", "php:ext-swoole" = { version = "5.1", install = "pecl install swoole" } }

[run]
command = ["{build}/daemon", "--socket", "{socket}"]
env = { OPENAI_API_BASE = "{api_base}", OPENAI_API_KEY = "{api_key}" }
socket_type = "stream"
timeout = 2.5

[options]
idle_timeout = ["--idle-timeout", "{}"]
x_limits = ["--limits=a:{},b:{}"]

[variants.h1]
env = { OPENAI_HTTP2_ENABLED = "false", OPENAI_API_BASE = "{api_base_plain}" }

[variants.openai]
args = ["--format", "openai"]
capabilities = { format = ["openai"] }
whole = true

[capabilities]
body = true
format = "simple"
x_tls = false

[known_failures]
"abort_stream" = "reports success after a truncated upstream (tracker 1)"
"h1/finish_stop" = "loses it on HTTP/1.1 (tracker 2)"
"""

KNOWN = '"reports success after a truncated upstream (tracker 1)"'

LEAST = """\
[daemon]
name = "least"
profile = "handoff"

[run]
command = ["./least", "{socket}"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "daemon.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problem(folder: Path, text: str) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        load(written(folder, text))
    return caught.value


def test_reads_everything(tmp_path: Path) -> None:
    manifest = load(written(tmp_path, WHOLE))
    assert (manifest.name, manifest.profile, manifest.dir) == ("go", "handoff", tmp_path)
    assert manifest.build is not None
    assert manifest.build.inputs == ("**/*.go", "go.mod")
    assert [(each.name, each.version, each.install) for each in manifest.requires] == [
        ("go", "1.22", ""),
        ("php:ext-swoole", "5.1", "pecl install swoole"),
    ]
    assert manifest.run.socket_type is SocketType.STREAM
    assert manifest.run.timeout == 2.5
    assert [each.name for each in manifest.variants] == ["default", "h1", "openai"]
    assert [each.whole for each in manifest.variants] == [False, False, True]


def test_a_folder_stands_for_its_manifest(tmp_path: Path) -> None:
    path = written(tmp_path, LEAST)
    assert load(tmp_path) == load(path)
    assert load(tmp_path).run.socket_type is SocketType.SEQPACKET
    assert load(tmp_path).variants == (Variant("default"),)


def test_the_command_line_is_command_variant_wishes(tmp_path: Path) -> None:
    manifest = load(written(tmp_path, WHOLE))
    places = {"build": "/b", "socket": "/s", "api_key": "k", "api_base": "x", "api_base_plain": "p"}
    command = manifest.command(
        manifest.variant("openai"), places, {"x_limits": "3", "idle_timeout": "0.5"}
    )
    assert command == [
        *("/b/daemon", "--socket", "/s", "--format", "openai"),
        *("--limits=a:3,b:3", "--idle-timeout", "0.5"),
    ]
    environment = manifest.environment(manifest.variant("h1"), places)
    assert environment == {
        "OPENAI_API_BASE": "p",
        "OPENAI_API_KEY": "k",
        "OPENAI_HTTP2_ENABLED": "false",
    }


def test_a_wish_it_cannot_express(tmp_path: Path) -> None:
    manifest = load(written(tmp_path, WHOLE))
    assert manifest.inexpressible(["idle_timeout", "max_connections"]) == ("max_connections",)
    with pytest.raises(LookupError, match=r"\[options\] has no entry for max_connections"):
        manifest.command(manifest.variants[0], {}, {"max_connections": "1"})


def test_capabilities(tmp_path: Path) -> None:
    manifest = load(written(tmp_path, WHOLE))
    default, openai = manifest.variant("default"), manifest.variant("openai")
    assert manifest.declares("body", default)
    assert manifest.declares("format=simple", default)
    assert not manifest.declares("format=openai", default)
    assert manifest.declares("format=openai", openai)
    assert not manifest.declares("format=simple", openai)
    assert not manifest.declares("x_tls", default)
    assert not manifest.declares("gzip", default)


def test_known_failures(tmp_path: Path) -> None:
    manifest = load(written(tmp_path, WHOLE))
    assert "truncated" in (manifest.known_failure("default", "abort_stream") or "")
    assert "truncated" in (manifest.known_failure("h1", "abort_stream") or "")
    assert "tracker 2" in (manifest.known_failure("h1", "finish_stop") or "")
    assert manifest.known_failure("default", "finish_stop") is None


def test_an_unknown_variant_names_the_nearest(tmp_path: Path) -> None:
    manifest = load(written(tmp_path, WHOLE))
    with pytest.raises(LookupError, match=r"did you mean 'openai'\? it has default, h1, openai"):
        manifest.variant("opeanai")


@pytest.mark.parametrize(
    ("old", "new", "line", "says", "fix"),
    [
        (
            'socket_type = "stream"',
            'sockettype = "stream"',
            13,
            "unknown key 'sockettype' in [run]",
            "did you mean 'socket_type'?",
        ),
        ("[options]", "[option]", 16, "unknown section 'option'", "did you mean 'options'?"),
        ('"stream"', '"seqpaket"', 13, "unknown socket_type 'seqpaket'", "'seqpacket'?"),
        ('"handoff"', '"handof"', 3, "unknown profile 'handof'", "did you mean 'handoff'?"),
        ("{socket}", "{sokcet}", 11, "unknown placeholder {sokcet}", "'socket'?"),
        ("{socket}", "/run/x", 11, "nothing in [run] tells the daemon where", "{socket}"),
        ("{api_base}", "{apibase}", 12, "unknown placeholder {apibase}", "'api_base'?"),
        ("-o", "{socket}", 6, "unknown placeholder {socket}", "{build}"),
        ('name = "go"', "name = 7", 2, "'name' must be a string, found a number", 'name = "…"'),
        ('name = "go"', 'name = "a/b"', 2, "'a/b' cannot be a daemon's name", "letters"),
        ('name = "go"', "", 1, "[daemon] lacks 'name'", 'name = "go"'),
        ('"{}"]', '"5"]', 17, "'idle_timeout' has no place for its value", "{}"),
        ('HTTP2_ENABLED = "false"', "HTTP2_ENABLED = false", 21, "found a boolean", '= "false"'),
        ('args = ["--format", "openai"]', "args = [1]", 24, "strings only, found 1", '"1"'),
        ("timeout = 2.5", 'timeout = "2"', 14, "number of seconds", "without quotes"),
        ("timeout = 2.5", "timeout = 0", 14, "number of seconds above 0", "timeout = 10"),
        ("whole = true", 'whole = "yes"', 26, "must be true or false", "whole = true"),
        ('"1.22"', '"^1.22"', 8, "'^1.22' is not a version", "lowest version"),
        ("php:", "phhp:", 8, "unknown kind of requirement 'phhp'", "did you mean 'php'?"),
        ('"h1/fin', '"h2/fin', 35, "unknown variant 'h2'", "did you mean 'h1'?"),
        ("[variants.h1]", "[variants.default]", 20, "'default' is there by itself", "[run]"),
        (KNOWN, '" "', 34, "'abort_stream' has no reason", "link"),
        ("timeout = 2.5", 'command = ["x"]', 14, "defined twice", "keep one"),
        (
            "idle_timeout =",
            "idle_timeuot =",
            17,
            "unknown option 'idle_timeuot'",
            "'idle_timeout'?",
        ),
        ("body = true", "bodi = true", 29, "unknown capability 'bodi'", "did you mean 'body'?"),
        ("body = true", 'body = "yes"', 29, "body does not have values, found yes", "body = true"),
        ("body = true", "bodi = false", 29, "unknown capability 'bodi'", "did you mean 'body'?"),
        ('"simple"', '"simpel"', 30, "unknown value 'simpel' of format", "did you mean 'simple'?"),
        ('"simple"', "true", 30, "format needs a value, found true", 'format = "simple"'),
        ('["openai"]', '["open"]', 25, "unknown value 'open' of format", "there are: simple"),
        ("[options]", "[run]", 16, "defined twice", "keep one"),
        ("timeout = 2.5", "timeout = ", 14, "Invalid value", "valid TOML"),
        ("[capabilities]", "[capabilities", 28, "Expected ']'", "valid TOML"),
    ],
)
def test_an_error_quotes_the_line_and_says_the_fix(
    tmp_path: Path, old: str, new: str, line: int, says: str, fix: str
) -> None:
    assert old in WHOLE
    text = WHOLE.replace(old, new, 1)
    error = problem(tmp_path, text)
    assert error.line == line
    assert error.quote == text.splitlines()[line - 1]
    assert says in error.problem
    assert fix in error.fix
    assert str(error).startswith(f"{tmp_path}/daemon.toml:{line}: ")
    assert f"\n    {error.quote.strip()}\n  fix: " in str(error)


def test_a_key_is_found_behind_values_of_several_lines(tmp_path: Path) -> None:
    text = LEAST.replace(
        'command = ["./least", "{socket}"]',
        '# the program\ncommand = [\n  "./least",\n  "{socket}",\n]\n\nenv.COLOUR = 5',
    )
    error = problem(tmp_path, text)
    assert (error.line, error.quote) == (12, "env.COLOUR = 5")


@pytest.mark.parametrize("section", ["daemon", "run"])
def test_a_missing_section(tmp_path: Path, section: str) -> None:
    error = problem(tmp_path, LEAST.replace(f"[{section}]", "[capabilities]"))
    assert error.line is None
    assert f"lacks {section!r}" in error.problem
    assert f"[{section}]" in error.fix


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such file"):
        load(tmp_path)


def test_discover(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        written(tmp_path / name, LEAST.replace('"least"', f'"{name}"'))
    (tmp_path / "no-daemon").mkdir()
    assert [each.name for each in discover(tmp_path)] == ["a", "b"]
    written(tmp_path / "b", LEAST.replace('"least"', '"a"'))
    with pytest.raises(ManifestError, match=r"b/daemon.toml:2: the name 'a' is taken by .*a/dae"):
        discover(tmp_path)


def requiring(folder: Path, requires: str) -> str | None:
    unmet = missing(load(written(folder, f"{LEAST}requires = {{ {requires} }}\n")))
    return unmet and unmet.reason


def test_what_is_there_is_not_missing(tmp_path: Path) -> None:
    assert (
        requiring(
            tmp_path,
            'sh = "*", "python:h11" = "0.14", "file:/bin/sh" = "*", '
            f'tries = {{ check = ["{sys.executable}", "-c", ""] }}',
        )
        is None
    )


def test_a_file_is_looked_for_from_the_manifests_folder(tmp_path: Path) -> None:
    """A file that a command makes next to the daemon can be required, with that command."""
    requires = '"file:vendor/autoload.php" = { install = "composer install" }'
    made = tmp_path / "vendor" / "autoload.php"
    assert requiring(tmp_path, requires) == f"needs file:{made}, found none: composer install"
    made.parent.mkdir()
    made.touch()
    assert requiring(tmp_path, requires) is None


def test_a_package_is_looked_for_in_the_manifests_node_modules(tmp_path: Path) -> None:
    """Its version is read, and the remedy installs it into the manifest's folder."""
    made = tmp_path / "node_modules" / "@acme" / "relay"
    missing = requiring(tmp_path, '"npm:@acme/relay" = "2.1"')
    assert missing == (
        f"needs npm:{made} 2.1 or newer, found none: npm install --prefix {tmp_path} @acme/relay"
    )
    made.mkdir(parents=True)
    for version, enough in (("2.0.9", False), ("2.1.0", True)):
        (made / "package.json").write_text(json.dumps({"version": version}))
        assert (requiring(tmp_path, '"npm:@acme/relay" = "2.1"') is None) == enough


@pytest.mark.parametrize(
    ("requires", "reason"),
    [
        ('nosuchtool = "1.2"', "needs nosuchtool 1.2 or newer, found none: apt-get install nosuch"),
        ('gone = { install = "make it" }', "needs gone, found none: make it"),
        ('"python:no-such" = "*"', "found none: .*-m pip install no-such"),
        ('"python:h11" = "999"', "needs python:h11 999 or newer, found 0.*pip install h11"),
        ('"file:/no/such" = "*"', "needs file:/no/such, found none: the package that brings"),
        (
            'ring = { check = ["sh", "-c", "echo no ring >&2; exit 3"], install = "linux 5.19" }',
            r"needs ring, but `sh -c .*` fails \(no ring\): linux 5.19",
        ),
        ('ring = { check = ["/no/such"] }', "needs ring, but /no/such cannot be run"),
        ('"kernel:no_such" = "*"', "found none: a kernel, and a container, in which no_such is"),
        ('"kernel:io_uring" = "99"', r"needs kernel:io_uring 99 or newer, found (none|\d)"),
    ],
)
def test_what_is_missing_and_what_to_install(tmp_path: Path, requires: str, reason: str) -> None:
    found = requiring(tmp_path, requires)
    assert found is not None
    assert re.search(reason, found), found


def test_a_facility_that_the_kernel_refuses() -> None:
    """No descriptor is left for a ring: what a seccomp profile or a sysctl says looks the same."""
    program = (
        "import resource\n"
        "from conformance.daemon.requires import Requirement, unmet\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "print(unmet([Requirement('kernel:io_uring', install='allow it')]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "needs kernel:io_uring, found none: allow it\n", done.stderr


def tool(folder: Path, version: str) -> None:
    path = folder / "widget"
    path.write_text(f"#!/bin/sh\necho x >> {folder}/asked\necho widget v{version} of 2031\n")
    path.chmod(0o755)


def test_versions_are_remembered_until_the_tool_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    asked = tmp_path / "asked"
    tool(tmp_path, "1.9.3")
    for _ in range(2):
        found = requiring(tmp_path, 'widget = "1.10"')
        assert found == ("needs widget 1.10 or newer, found 1.9.3: apt-get install widget")
        assert asked.read_text() == "x\n"
    tool(tmp_path, "1.10.0")
    assert requiring(tmp_path, 'widget = "1.10"') is None
    assert asked.read_text() == "x\nx\n"
