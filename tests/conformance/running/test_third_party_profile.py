"""A profile from a package of its own: installed by an entry point, judged by the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tiny_profile"

MANIFEST = f"""
[daemon]
name = "echoes"
profile = "echo"

[run]
command = ["{{python}}", "{PACKAGE}/daemon.py", "{{port}}", "{{host}}"]

[variants.wrong]
args = ["nonsense"]
whole = true
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder in which the package is installed: the package and its metadata."""
    (tmp_path / "tiny_profile").symlink_to(PACKAGE)
    info = tmp_path / "tiny_profile-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-profile\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[conformance.profiles]\necho = tiny_profile.profile:PROFILE\n"
    )
    (tmp_path / "daemon.toml").write_text(MANIFEST)
    return tmp_path


def conformance(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance", *arguments],
        cwd=site,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_daemons_are_judged(site: Path) -> None:
    done = conformance(site, "run", "daemon.toml", "--format=json")
    document = json.loads(done.stdout)
    assert {
        f"{each['variant']}/{each['scenario']}": each["verdict"] for each in document["results"]
    } == {
        "default/line_returns": "pass",
        "default/second_line_returns": "pass",
        "wrong/line_returns": "fail",
        "wrong/second_line_returns": "warn",
    }
    failed = next(each for each in document["results"] if each["verdict"] == "fail")
    assert failed["failures"][0]["clause"] == "T1"
    assert failed["profile"] == "echo"
    assert "a line" in failed["evidence"]
    assert done.returncode == 1


def test_its_scenarios_are_listed_and_explained(site: Path) -> None:
    listed = conformance(site, "list", "--profile=echo")
    assert "line_returns" in listed.stdout
    assert "return each line as it came" in conformance(site, "explain", "line_returns").stdout


def test_several_workers_find_it(site: Path) -> None:
    second = site / "second"
    second.mkdir()
    (second / "daemon.toml").write_text(MANIFEST.replace("echoes", "second"))
    done = conformance(site, "run", "daemon.toml", "second", "--variant=default", "--jobs=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "green: 4 pass" in done.stdout
