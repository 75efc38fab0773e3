"""The guardian: a process that cleans up after a runner, however the runner ends.

A runner that is killed by SIGKILL cannot clean up. So the first process that it starts
is this file, as a script in a session of its own, at the other end of a pipe that only
the runner holds. The kernel closes the pipe when the runner ends. Then the guardian
kills every process that the runner started, and removes its folder.

It knows these processes in two ways. The runner sends it each process group. And every
process carries a mark in its environment, which its children inherit: so the guardian
finds a process that left its group. A mark is a path. A worker's processes carry the
marks of the worker and of the run that started it: they end with either of them, and
not with another worker.

A process id can be used again. So the runner sends a group's id with the start time of
its leader, and the guardian holds a process by a pidfd before it looks at it: it kills
the process that it has looked at.

The script part runs with `python -I -S`: it imports only modules of the standard
library that are quick to import.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import time
from typing import NamedTuple

MARK = "STREAM_CONFORMANCE_RUN"
"""The environment variable that holds the marks, joined by colons, outermost first."""

PREFIX = "sc-"

LONGEST_FOLDER = 40
"""The most bytes of the run's folder as a path. A Unix socket's path has at most 107 bytes, and
daemons derive longer names from it (`….lock`, `….12345.tmp`). A TMPDIR of pytest has 80."""

FAREWELL = 5.0
"""Seconds that the runner waits at its end for the guardian, which needs some 20 ms; only a
process in uninterruptible sleep takes longer."""


class Stat(NamedTuple):
    """The facts about a process that the guardian needs (proc(5), /proc/PID/stat)."""

    state: str
    parent: int
    group: int
    session: int
    started: int
    """Clock ticks after boot. With the pid, this identifies a process."""


def stat(pid: int) -> Stat | None:
    """Read /proc/PID/stat; None where the process does not exist."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command's name may hold spaces and parentheses; the last one ends it.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    state, parent, group, session = fields[:4]
    return Stat(state.decode(), int(parent), int(group), int(session), int(fields[19]))


class Guardian:
    """The runner's side: it starts the guardian, and sends it what to clean up."""

    def __init__(self) -> None:
        import subprocess  # noqa: PLC0415 - the script part must start quickly
        import tempfile  # noqa: PLC0415

        base = tempfile.gettempdir()
        if len(os.fsencode(base)) > LONGEST_FOLDER - len(PREFIX) - 9:
            base = "/tmp"  # noqa: S108 - the folder itself is private
        name = os.urandom(4).hex()
        self.folder = os.path.join(base, PREFIX + name)
        """The run's private folder (mode 0700). All its sockets and logs live below it."""
        self.mark = ":".join(filter(None, (os.environ.get(MARK), name)))
        """The value of MARK for every process that the runner starts."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, name, self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            env={},  # without the mark: an outer run's guardian must not kill it, but let it work
        )
        os.mkdir(self.folder, 0o700)

    @property
    def pid(self) -> int:
        """The guardian's process id."""
        return self._process.pid

    def watch(self, pid: int) -> None:
        """Kill this process, the leader of its own session, and its group when the runner ends."""
        if found := stat(pid):
            self._tell(f"+ {pid} {found.started}\n")

    def forget(self, pid: int) -> None:
        """Stop watching it: it has ended, and its group with it."""
        self._tell(f"- {pid} 0\n")

    def close(self) -> None:
        """Let the guardian clean up now, and wait until it has."""
        import subprocess  # noqa: PLC0415

        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(FAREWELL)

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        # Where another process has killed the guardian, the run can still finish.
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


_guardian: Guardian | None = None


def guardian() -> Guardian:
    """This process's guardian, started when it is first asked for."""
    global _guardian  # noqa: PLW0603 - one a process, like the process itself
    if _guardian is None:
        _guardian = Guardian()
        atexit.register(_guardian.close)
    return _guardian


def mark_this_process() -> None:
    """Let every process that starts from now on carry this run's mark.

    For the process that starts the workers: they inherit its environment, and
    die with it.
    """
    os.environ[MARK] = guardian().mark


def _main(name: str, folder: str) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(each, signal.SIG_IGN)
    groups: dict[int, int] = {}
    for line in sys.stdin.buffer:
        sign, pid, started = line.split()
        if sign == b"+":
            groups[int(pid)] = int(started)
        else:
            groups.pop(int(pid), None)
    _kill_all(name.encode(), groups)
    import shutil  # noqa: PLC0415

    shutil.rmtree(folder, ignore_errors=True)


def _kill_all(name: bytes, groups: dict[int, int]) -> None:
    # Again until the list is empty: a process may have forked while it was read.
    for _ in range(100):
        pids = [int(each) for each in os.listdir("/proc") if each.isdigit()]
        if not sum(_strike(pid, name, groups) for pid in pids):
            return
        time.sleep(0.005)


def _strike(pid: int, name: bytes, groups: dict[int, int]) -> bool:
    if pid == os.getpid():
        return False
    try:
        held = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not (_in_groups(pid, groups) or name in _marks(pid)):
            return False
        signal.pidfd_send_signal(held, signal.SIGKILL)
        return True
    except OSError:
        return False
    finally:
        os.close(held)


def _in_groups(pid: int, groups: dict[int, int]) -> bool:
    found = stat(pid)
    if found is None or found.state in "ZX" or found.group not in groups:
        return False
    # The leader's number is taken as long as its group has a member: a group without a
    # leader is the group that was registered; a leader that started later leads another group.
    leader = stat(found.group)
    return found.session == found.group and (
        leader is None or leader.started == groups[found.group]
    )


def _marks(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:
        return []
    prefix = MARK.encode() + b"="
    return [
        mark
        for each in variables
        if each.startswith(prefix)
        for mark in each[len(prefix) :].split(b":")
    ]


if __name__ == "__main__":
    _main(*sys.argv[1:])
