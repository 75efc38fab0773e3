"""The installed wheel works where there is no repository."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import sysconfig
from collections.abc import Callable
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

DAEMON_TEST = """
def test_emoji(conformance_daemon):
    answer = conformance_daemon.respond(pattern="unicode")
    answer.no_error().content_contains("😀").done_marker()
"""

CLIENT_TEST = """
from openai import OpenAI

def test_my_client(conformance_mock):
    client = OpenAI(base_url=conformance_mock.url, api_key=conformance_mock.key)
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
    assert answer.choices[0].message.content
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the wheel in it.

    What the wheel depends on is found where this test's own environment has it.
    """
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*pip, *build, str(REPOSITORY)], check=True)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (site,) = environment.glob("lib/*/site-packages")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    # A .pth file adds the folder, not the editable install that lies in it.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin" / "python"


@pytest.fixture
def run(python: Path, tmp_path: Path) -> Run:
    """Run a module of the fresh environment in an empty folder."""

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(python), *arguments],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.fixture
def manifest(tmp_path: Path) -> None:
    """A manifest in that folder."""
    program = REPOSITORY / "tests" / "faulty" / "handoff" / "daemon.py"
    (tmp_path / "daemon.toml").write_text(MANIFEST.format(program=program))


def test_the_wheels_own_copy_is_used(run: Run, python: Path) -> None:
    where = run("-c", "import conformance, mock_api; print(conformance.__file__)")
    assert where.stdout.startswith(str(python.parents[1])), where.stdout + where.stderr


@pytest.mark.usefixtures("manifest")
def test_an_installed_suite_judges_a_manifest(run: Run, tmp_path: Path) -> None:
    command = ("-m", "conformance", "run", "daemon.toml", "--scenario=basic_content")
    done = run(*command, "--scenario=abort_stream")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 pass" in done.stdout
    # Plugins of third parties work there, too.
    page = tmp_path / "page.html"
    plugins = (f"--html={page}", "--reruns=1", "--timeout=60", "--randomly-seed=1", "-n2")
    done = run(*command, "--", "-p", "no:langsmith_plugin", *plugins)
    assert done.returncode == 0, done.stdout + done.stderr
    assert page.exists()


@pytest.mark.usefixtures("manifest")
def test_three_lines_test_a_daemon_and_three_a_client(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nconformance_daemon = daemon.toml\n")
    (tmp_path / "test_daemon.py").write_text(DAEMON_TEST)
    (tmp_path / "test_client.py").write_text(CLIENT_TEST)
    done = run("-m", "pytest", "-p", "no:langsmith_plugin", "-p", "no:randomly")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_an_unrelated_project_is_not_slowed_down(run: Run, tmp_path: Path) -> None:
    """At most 50 ms of processor time, which a busy machine stretches little."""
    (tmp_path / "test_unrelated.py").write_text("def test_unrelated():\n    pass\n")

    def seconds(*arguments: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = run("-m", "pytest", *arguments, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "1 passed" in done.stdout
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    seconds("-p", "conformance.pytest_plugin.plugin")  # writes the bytecode
    without = min(seconds() for _ in range(5))
    with_it = min(seconds("-p", "conformance.pytest_plugin.plugin") for _ in range(5))
    assert with_it - without < 0.05
