"""Running the command as a user does, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
FAULTY = REPOSITORY / "tests" / "faulty" / "handoff"

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell's job in the background ignores SIGINT, and so would every child."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def conformance() -> Command:
    """`conformance ARGUMENT…` from the repository's root."""

    def call(*arguments: str, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "conformance", *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.fixture(scope="session")
def results(
    conformance: Command, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., dict[str, Any]]:
    """`conformance run ARGUMENT…`, as the JSON document and the exit status (key `status`)."""

    def call(*arguments: str) -> dict[str, Any]:
        output = tmp_path_factory.mktemp("run") / "results.json"
        done = conformance("run", "--format=json", f"--output={output}", *arguments)
        assert output.exists(), done.stderr + done.stdout
        return {**json.loads(output.read_text()), "status": done.returncode}

    return call
