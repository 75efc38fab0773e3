"""The composite action: its step runs as GitHub would run it, with the files of a step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())


def run(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the step that judges, with its environment from the inputs."""
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "run"]
    defaults = {name: value["default"] for name, value in ACTION["inputs"].items()}
    values = {f"${{{{ inputs.{name} }}}}": text for name, text in {**defaults, **inputs}.items()}
    values["${{ runner.temp }}/stream-conformance"] = str(folder / "reports")
    environment = {name: values[text] for name, text in step["env"].items()}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=ROOT,
        env={
            **os.environ,
            **environment,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_writes_summary_annotations_and_reports(tmp_path: Path) -> None:
    manifest = "tests/faulty/handoff/daemon.toml"
    done = run(tmp_path, manifest=manifest, categories="basic,finish", since="0.1.0")
    assert done.returncode == 1, done.stderr
    assert "::error file=" in done.stdout
    assert "::group::faulty/default" in done.stdout
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("## Stream conformance: 🔴 red\n")
    reports = tmp_path / "reports"
    assert (tmp_path / "output").read_text() == f"report={reports / 'report.html'}\n"
    assert {each.name for each in reports.iterdir()} == {"report.html", "run.json.gz", "junit.xml"}


def test_a_mistake_is_shown(tmp_path: Path) -> None:
    done = run(tmp_path, manifest="nowhere.toml")
    assert done.returncode == 2
    assert "nowhere.toml" in done.stderr
