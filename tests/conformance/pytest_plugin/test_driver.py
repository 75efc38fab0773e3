"""The driver under plain pytest: one item for each case, and the items of a daemon together."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.conformance.manifests import write

REPOSITORY = Path(__file__).parents[3]
SOUND = REPOSITORY / "tests" / "faulty" / "handoff"


def pytest_itself(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "integration", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def scenarios(*names: str) -> list[str]:
    return [f"--conformance-scenario={name}" for name in names]


def test_pytest_shows_outcomes_and_each_scenarios_own_duration() -> None:
    done = pytest_itself(
        *(f"--conformance-daemon={SOUND}", "--conformance-variant=default"),
        *("--conformance-variant=canned", *scenarios("finish_stop", "finish_length")),
        *("--durations=0", "-vv"),
    )
    assert done.returncode == 1
    assert "test_scenario[faulty/default/finish_stop] PASSED" in done.stdout
    assert "the API received no request" in done.stdout
    assert "repeat: conformance run tests/faulty/handoff/daemon.toml" in done.stdout
    assert len(re.findall(r"^\d+\.\d\ds call ", done.stdout, re.MULTILINE)) == 4


def test_a_report_can_replace_pytests_output() -> None:
    done = pytest_itself(
        *(f"--conformance-daemon={SOUND}", "--conformance-variant=default"),
        *(*scenarios("finish_stop"), "--conformance-report=tap"),
    )
    assert done.returncode == 0
    assert (
        done.stdout == "TAP version 13\n1..1\n# faulty/default\nok 1 - faulty/default/finish_stop\n"
    )


def test_the_items_of_a_daemon_run_in_one_worker(tmp_path: Path) -> None:
    names = ["one", "two", "three"]
    daemons = [f"--conformance-daemon={write(tmp_path, name=name)}" for name in names]
    chosen = scenarios("basic_response", "unicode_cjk", "unicode_emoji")
    done = pytest_itself(*daemons, "-n2", "-v", *chosen)
    assert done.returncode == 0, done.stdout
    workers: dict[str, set[str]] = {}
    for worker, daemon in re.findall(r"\[(gw\d)\] \[.*?PASSED .*?\[(\w+)/", done.stdout):
        workers.setdefault(daemon, set()).add(worker)
    assert sorted(workers) == sorted(names)
    assert all(len(each) == 1 for each in workers.values()), workers
    assert set.union(*workers.values()) == {"gw0", "gw1"}


def test_a_mistake_is_shown_without_a_traceback() -> None:
    done = pytest_itself(f"--conformance-daemon={SOUND}", "--conformance-category=unicod")
    assert done.returncode == 2
    assert "did you mean 'unicode'?" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
