"""Facts about a process from /proc: descriptors, memory, threads, children, processor time.

Each function reads the state of this moment (proc(5)). It raises ProcessLookupError
where the process has ended, and PermissionError where it may not be read.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from conformance.daemon.guardian import stat

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One open file descriptor."""

    number: int
    target: str
    """What it refers to: `socket:[123]`, `anon_inode:[eventpoll]`, a path."""
    flags: int
    """The flags of open(2), as fdinfo shows them."""

    @property
    def close_on_exec(self) -> bool:
        """Whether the kernel closes it when the process executes a program."""
        return bool(self.flags & os.O_CLOEXEC)

    @property
    def is_socket(self) -> bool:
        """Whether it is a socket of any kind."""
        return self.target.startswith("socket:")


@dataclass(frozen=True, slots=True)
class Probe:
    """A process and all its descendants, at one moment."""

    pids: tuple[int, ...]
    descriptors: tuple[Descriptor, ...]
    rss: int
    """Bytes of resident memory, pages shared between the processes counted for each."""
    threads: int
    cpu: float
    """Seconds of processor time, user and system."""


def probe(pid: int) -> Probe:
    """Read a process and its descendants. Raises ProcessLookupError where it has ended."""
    pids = (pid, *descendants(pid))
    fds: list[Descriptor] = []
    memory = count = 0
    time = 0.0
    for each in pids:
        try:
            found = descriptors(each), rss(each), threads(each), cpu(each)
        except ProcessLookupError:
            if each == pid:
                raise
            continue  # a child that ended meanwhile
        fds += found[0]
        memory, count, time = memory + found[1], count + found[2], time + found[3]
    return Probe(pids=pids, descriptors=tuple(fds), rss=memory, threads=count, cpu=time)


def descriptors(pid: int) -> tuple[Descriptor, ...]:
    """The process's open descriptors, by number."""
    found = []
    for name in sorted(_listdir(pid, "fd"), key=int):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            info = _read(pid, f"fdinfo/{name}")
        except (FileNotFoundError, ProcessLookupError):
            continue  # closed since it was listed
        flags = next(line.split()[1] for line in info.splitlines() if line.startswith("flags:"))
        found.append(Descriptor(int(name), target, int(flags, 8)))
    return tuple(found)


def held(pid: int, targets: frozenset[str]) -> frozenset[str]:
    """The targets of which a process holds descriptors; else those of its first such descendant.

    See Descriptor.target. Descendants are searched only where the process itself holds
    no such descriptor: to find them, every process must be read.
    """
    if found := targets & _targets(pid):
        return found
    for each in descendants(pid):
        with suppress(ProcessLookupError):  # it ended meanwhile
            if found := targets & _targets(each):
                return found
    return frozenset()


def socket_between(near: tuple[str, int], far: tuple[str, int]) -> str:
    """The socket of a TCP connection's near end, as `/proc/PID/fd` names it; "" without one.

    near, far: IPv4 addresses and ports. A connection that no process has accepted, or that
    is closed, has no such socket.
    """
    wanted = [_address(*near), _address(*far)]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == wanted and fields[9] != "0":
            return f"socket:[{fields[9]}]"
    return ""


def _address(host: str, port: int) -> str:
    """As /proc/net/tcp writes it, in this machine's byte order."""
    number = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    return f"{number:08X}:{port:04X}"


def _targets(pid: int) -> frozenset[str]:
    found = set()
    for name in _listdir(pid, "fd"):
        with suppress(FileNotFoundError, ProcessLookupError):  # closed since it was listed
            found.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return frozenset(found)


def descriptor_count(pid: int) -> int:
    """The number of open descriptors, for the price of one listing."""
    return len(_listdir(pid, "fd"))


def rss(pid: int) -> int:
    """Resident memory in bytes."""
    return int(_read(pid, "statm").split()[1]) * _PAGE


def peak_rss(pid: int) -> int:
    """The peak of its resident memory in bytes."""
    line = next(each for each in _read(pid, "status").splitlines() if each.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def threads(pid: int) -> int:
    """The number of its threads."""
    return len(_listdir(pid, "task"))


def cpu(pid: int) -> float:
    """Processor time used, user and system, in seconds; steps of 10 ms."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def starved(pid: int) -> float:
    """Seconds that its slowest thread waited for a free processor.

    0 where the process has ended, or where the kernel does not count (CONFIG_SCHED_INFO).
    """
    waited = [0]
    with suppress(OSError):
        for each in _listdir(pid, "task"):
            waited.append(int(_read(pid, f"task/{each}/schedstat").split()[1]))
    return max(waited) / 1e9


def descendants(pid: int) -> tuple[int, ...]:
    """Its children, their children, and so on, parents first, without zombies."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (found := stat(int(name))) and found.state not in "ZX":
            children.setdefault(found.parent, []).append(int(name))
    found_pids = [pid]
    for each in found_pids:
        found_pids += sorted(children.get(each, ()))
    return tuple(found_pids[1:])


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except FileNotFoundError:
        raise ProcessLookupError(f"no process {pid}, or it has no {name}") from None


def _listdir(pid: int, name: str) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/{name}")
    except FileNotFoundError:
        raise ProcessLookupError(f"no process {pid}") from None
