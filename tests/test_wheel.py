"""The wheel works where there is no repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

MANIFEST = """
[daemon]
name = "elsewhere"
profile = "handoff"

[run]
command = ["{{python}}", "{program}", "--socket", "{{socket}}"]
env = {{ OPENAI_API_BASE = "{{api_base_plain}}", OPENAI_API_KEY = "{{api_key}}" }}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel has been installed, without its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*pip, *build, str(REPOSITORY)], check=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)
    return target


def test_an_installed_suite_judges_a_manifest(installed: Path, tmp_path: Path) -> None:
    program = REPOSITORY / "tests" / "faulty" / "handoff" / "daemon.py"
    (tmp_path / "daemon.toml").write_text(MANIFEST.format(program=program))
    run = subprocess.run(
        [
            *(sys.executable, "-m", "conformance", "run", "daemon.toml"),
            *("--scenario=basic_content", "--scenario=abort_stream"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 pass" in run.stdout
    where = subprocess.run(
        [sys.executable, "-c", "import conformance, mock_api; print(conformance.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(installed)), "the repository's own copy was used"
