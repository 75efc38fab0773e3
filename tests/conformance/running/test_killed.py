"""Whatever ends a run in the middle, it leaves no process, no socket and no folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.running.limits import QUIET

REPOSITORY = Path(__file__).parents[3]
FAULTY = str(REPOSITORY / "tests" / "faulty" / "handoff")

START = 120.0
"""Seconds until the run and its workers have imported the suite and started a daemon. It takes 2 s;
more than 20 s were seen on two cores with a load of 18. The test proper begins afterwards."""

PATIENCE = 20.0
"""Seconds that a stage of the test may take on a machine under load; each takes some 0.5 s."""


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for temporary files that is the run's alone; short, as socket paths must be."""
    with tempfile.TemporaryDirectory(prefix="k-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_leaves_nothing(temporary: Path, number: signal.Signals, jobs: int) -> None:
    run = subprocess.Popen(
        [
            *(sys.executable, "-m", "conformance", "run", FAULTY, f"--jobs={jobs}"),
            *("--variant=silent", "--scenario=basic_content", "--deadline=60"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: list(temporary.rglob("daemon.sock")), "the daemon serves", within=START)
        assert len(running(temporary)) > 2, "the run, its mock API, its daemon"
        run.send_signal(number)
        run.wait(PATIENCE)
        until(lambda: not running(temporary), "every process has ended")
        until(lambda: not left(temporary), "every file is gone")
    finally:
        for pid in [run.pid, *running(temporary)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.wait()


def running(temporary: Path) -> list[int]:
    """The processes that have this TMPDIR in their environment, except this one."""
    mark = f"TMPDIR={temporary}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and mark in (entry / "environ").read_bytes() + b"\0":
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def left(temporary: Path) -> list[Path]:
    """The files in the folder, except the lock that runs share."""
    return [path for path in temporary.iterdir() if path.name != QUIET]


def until(holds: object, what: str, within: float = PATIENCE) -> None:
    assert callable(holds)
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, f"not within {within:g} s: {what}"
        time.sleep(0.01)
