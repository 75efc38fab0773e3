"""Built when something changed, once, and not otherwise."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conformance.daemon.build import build
from conformance.daemon.failures import BuildError
from conformance.daemon.guardian import stat
from conformance.daemon.manifest import Manifest
from conformance.running.manifests import load

MANIFEST = """\
[daemon]
name = "built"
profile = "handoff"

[build]
command = {command}
inputs = ["src/**/*.c", "Makefile"]
{more}

[run]
command = ["{{build}}/daemon", "{{socket}}"]
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with sources."""
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "main.c").write_text("main")
    (tmp_path / "src" / "deep" / "part.c").write_text("part")
    (tmp_path / "Makefile").write_text("all:")
    return tmp_path


def manifest(
    folder: Path, script: str = "echo built >> {build}/daemon", more: str = ""
) -> Manifest:
    text = MANIFEST.format(command=json.dumps(["sh", "-c", script]), more=more)
    (folder / "daemon.toml").write_text(text)
    return load(folder)


def builds(described: Manifest) -> int:
    """Bring it up to date; how often it has been built by now."""
    folder = asyncio.run(build(described))
    assert folder == described.build_dir
    return (folder / "daemon").read_text().count("built")


def test_built_once(sources: Path) -> None:
    assert builds(manifest(sources)) == 1
    assert builds(manifest(sources)) == 1


def test_a_fresh_build_is_known_in_milliseconds(sources: Path) -> None:
    described = manifest(sources, more='requires = { cc = "*" }')
    for number in range(40):
        (sources / "src" / f"{number}.c").write_text("x" * 10_000)
    builds(described)
    began = time.process_time()
    builds(described)
    assert time.process_time() - began < 0.05, "processor time, which neighbours do not lengthen"


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "src" / "deep" / "part.c").write_text("changed"),
        lambda folder: (folder / "src" / "more.c").write_text(""),
        lambda folder: (folder / "src" / "main.c").rename(folder / "src" / "other.c"),
        lambda folder: (folder / "Makefile").write_text("all: daemon"),
        lambda folder: (folder / ".build" / ".stamp").unlink(),
    ],
    ids=["content", "added", "renamed", "other input", "no stamp"],
)
def test_built_again_after_a_change(sources: Path, change: object) -> None:
    assert builds(manifest(sources)) == 1
    assert callable(change)
    change(sources)
    assert builds(manifest(sources)) == 2
    assert builds(manifest(sources)) == 2


def test_built_again_when_the_command_changes(sources: Path) -> None:
    assert builds(manifest(sources)) == 1
    assert builds(manifest(sources, "echo built again >> {build}/daemon")) == 2


def test_built_again_when_a_tool_changes(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = sources / "widget"
    monkeypatch.setenv("PATH", str(sources), prepend=":")
    described = manifest(sources, more='requires = { widget = "1.0" }')
    for version, times in (("1.2.3", 1), ("1.2.4", 2)):
        tool.write_text(f"#!/bin/sh\necho {version}\n")
        tool.chmod(0o755)
        assert builds(described) == times
        assert builds(described) == times


def test_not_built_again_when_only_the_times_change(sources: Path) -> None:
    assert builds(manifest(sources)) == 1
    for path in (sources / "src").rglob("*.c"):
        path.touch()
    (sources / "README").write_text("no input")
    assert builds(manifest(sources)) == 1


def test_nothing_to_build(sources: Path) -> None:
    described = manifest(sources)
    (sources / "daemon.toml").write_text(
        described.path.read_text().replace("[build]", "[other]").split("[other]", maxsplit=1)[0]
        + '[run]\ncommand = ["./x", "{socket}"]\n'
    )
    assert asyncio.run(build(load(sources))) == sources / ".build"
    assert not (sources / ".build").exists()


def test_runs_at_the_same_time_build_once(sources: Path) -> None:
    described = manifest(sources, "sleep 0.2; echo built >> {build}/daemon")
    code = (
        "import asyncio, sys; from conformance.daemon.build import build; "
        "from conformance.running.manifests import load; asyncio.run(build(load(sys.argv[1])))"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, str(sources)]) for _ in range(3)]
    assert [each.wait(30) for each in runs] == [0, 0, 0]
    assert builds(described) == 1


def test_a_failure_shows_the_command_and_the_end_of_its_output(sources: Path) -> None:
    described = manifest(sources, "seq 100; echo 'main.c:1: no semicolon' >&2; exit 2")
    for _ in range(2):
        with pytest.raises(BuildError) as caught:
            builds(described)
        assert "building built failed: `sh -c seq 100;" in caught.value.message
        assert "exited with status 2" in caught.value.message
        lines = caught.value.log.splitlines()
        assert lines[-2:] == ["100", "main.c:1: no semicolon"]
        assert len(lines) == 40
    assert builds(manifest(sources)) == 1, "repaired"


def test_after_a_failure_an_older_build_is_not_fresh(sources: Path) -> None:
    """The failed one may have left anything behind."""
    described = manifest(sources, "grep -q main src/main.c && echo built >> {build}/daemon")
    assert builds(described) == 1
    (sources / "src" / "main.c").write_text("broken")
    with pytest.raises(BuildError):
        builds(described)
    (sources / "src" / "main.c").write_text("main")
    assert builds(described) == 2


def test_a_build_that_takes_too_long_is_killed(sources: Path) -> None:
    described = manifest(sources, "echo $$; sleep 60", more="timeout = 0.5")
    with pytest.raises(BuildError, match=r"took more than 0\.5 s") as caught:
        builds(described)
    assert stat(int(caught.value.log)) is None


def test_an_input_that_is_not_there(sources: Path) -> None:
    (sources / "Makefile").unlink()
    with pytest.raises(BuildError, match="inputs: 'Makefile' matches no file"):
        builds(manifest(sources))


def test_a_compiler_that_is_not_there(sources: Path) -> None:
    described = manifest(sources)
    described.path.write_text(described.path.read_text().replace('"sh"', '"no-such-compiler"'))
    with pytest.raises(BuildError, match=r"no-such-compiler: No such file.*\[build\] requires"):
        builds(load(sources))
