"""Whatever ends a runner: nothing that it started is left, no process, no socket, no folder."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conformance.daemon.guardian import MARK, stat

RUNNER = Path(__file__).with_name("runner_script.py")

SOON = 20.0
"""Seconds; it takes 50 ms. For a machine on which everything else runs as well."""


@contextmanager
def runner(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """A runner in the middle of its run, and what it says of its processes and its folder."""
    process = subprocess.Popen(
        [sys.executable, str(RUNNER), *arguments], stdout=subprocess.PIPE, start_new_session=True
    )
    with process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def gone(pids: list[int], within: float = SOON) -> list[int]:
    """Wait until all of these processes have ended; those that have not."""
    end = time.monotonic() + within
    left = []
    for pid in pids:
        try:
            held = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        if not select.select([held], [], [], max(end - time.monotonic(), 0))[0]:
            left.append(pid)
        os.close(held)
    return left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_a_runner(tmp_path: Path, number: signal.Signals) -> None:
    """Not the daemon, its unmarked child, its stray child, the mock API, or a worker's daemon."""
    with runner(str(tmp_path)) as (process, said):
        pids = list(said["pids"].values())
        assert all(stat(pid) for pid in pids)
        assert all(Path(each).exists() for each in said["sockets"])
        process.send_signal(number)
        assert process.wait(SOON) == -number
        left = gone([*pids, *said["guardians"]])
        assert left == [], {name: pid for name, pid in said["pids"].items() if pid in left}
    for folder in said["folders"]:
        assert not Path(folder).exists()


def test_nor_a_whole_group_that_is_killed(tmp_path: Path) -> None:
    """What `timeout -k` and a closing terminal do: the workers, too, are gone at once."""
    with runner(str(tmp_path)) as (process, said):
        os.killpg(process.pid, signal.SIGKILL)
        assert gone([*said["pids"].values(), *said["guardians"]]) == []
    for folder in said["folders"]:
        assert not Path(folder).exists()


def test_when_a_runner_has_ended_all_is_cleaned_up_already() -> None:
    """A process that waits for a runner need not wait again."""
    code = (
        "from conformance.daemon.guardian import guardian; import subprocess; "
        "g = guardian(); p = subprocess.Popen(['sleep', '60'], start_new_session=True); "
        "g.watch(p.pid); print(p.pid, g.folder)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    )
    pid, folder = done.stdout.split()
    assert gone([int(pid)], within=0) == []
    assert not Path(folder).exists()


def test_the_guardian_is_deaf_to_signals(tmp_path: Path) -> None:
    with runner(str(tmp_path)) as (process, said):
        first = said["guardians"][0]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            os.kill(first, number)
        process.kill()
        assert gone([*said["pids"].values(), *said["guardians"]]) == []
    assert not Path(said["folders"][0]).exists()


def test_one_workers_end_is_not_the_runs(tmp_path: Path) -> None:
    with runner(str(tmp_path)) as (process, said):
        pids = said["pids"]
        os.kill(pids["worker"], signal.SIGKILL)
        assert gone([pids["worker"], pids["worker's daemon"], said["guardians"][1]]) == []
        assert not Path(said["folders"][1]).exists()
        assert process.poll() is None
        for name in ("daemon", "member", "stray", "mock"):
            assert stat(pids[name]), name


def guardian_process(name: str, folder: Path) -> subprocess.Popen[bytes]:
    """The guardian's own side, driven by hand."""
    script = Path(sys.modules[stat.__module__].__file__ or "")
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(script), name, str(folder)], stdin=subprocess.PIPE
    )


def bystander(**env: str) -> subprocess.Popen[bytes]:
    """A process that leads a group of its own and waits."""
    return subprocess.Popen(["sleep", "60"], start_new_session=True, env={**os.environ, **env})


def test_a_number_that_was_used_again_is_spared(tmp_path: Path) -> None:
    """A leader that started at another time than the registered one is another process."""
    same, another, forgotten = bystander(), bystander(), bystander()
    started = {each.pid: stat(each.pid).started for each in (same, another, forgotten)}  # type: ignore[union-attr]
    try:
        lines = [
            f"+ {same.pid} {started[same.pid]}",
            f"+ {another.pid} {started[another.pid] - 1}",
            f"+ {forgotten.pid} {started[forgotten.pid]}",
            f"- {forgotten.pid} 0",
        ]
        guardian_process("nobody", tmp_path / "none").communicate("\n".join(lines).encode() + b"\n")
        assert same.wait(SOON) == -signal.SIGKILL
        assert another.poll() is None
        assert forgotten.poll() is None
    finally:
        for each in (same, another, forgotten):
            each.kill()
            each.wait()


def test_only_its_own_mark_counts(tmp_path: Path) -> None:
    mine = bystander(**{MARK: "outer:abcd:inner"})
    others = [bystander(**{MARK: "outer:abcde"}), bystander(**{f"X{MARK}": "abcd"})]
    try:
        guardian_process("abcd", tmp_path / "none").communicate()
        assert mine.wait(SOON) == -signal.SIGKILL
        assert [each.poll() for each in others] == [None, None]
    finally:
        for each in (mine, *others):
            each.kill()
            each.wait()


def test_it_removes_the_folder_and_follows_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    folder = tmp_path / "folder"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "link").symlink_to(precious)
    guardian_process("nobody", folder).communicate()
    assert not folder.exists()
    assert (precious / "file").read_text() == "kept"
