"""The requirements of a daemon on this machine, and what to install where one is missing.

A requirement's name says its kind:

    go              a command on PATH, with a version
    php:swoole      an extension of PHP, as `php` on PATH loads it
    python:h2       a distribution, in the Python that runs the suite
    pkg-config:liburing
    file:/usr/include/liburing.h
    file:vendor/autoload.php        from the manifest's folder
    npm:express     a package in the node_modules of the manifest's folder

Its value is the lowest version, or "*" for any. A table gives more:
`{ version = "1.22", install = "…" }`. With `{ check = ["cmd", …] }` the command must
succeed; that is for requirements that only a try can answer.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PATIENCE = 20.0
"""Seconds that a tool may take to print its version. The first start of rustup is slow."""

_INSTALL = {
    "cargo": "apt-get install cargo, or https://rustup.rs for a newer one",
    "cc": "apt-get install build-essential",
    "composer": "apt-get install composer",
    "g++": "apt-get install build-essential",
    "gcc": "apt-get install build-essential",
    "go": "apt-get install golang-go, or https://go.dev/dl for a newer one",
    "make": "apt-get install build-essential",
    "node": "apt-get install nodejs",
    "npm": "apt-get install npm",
    "php": "apt-get install php-cli",
    "rustc": "apt-get install rustc, or https://rustup.rs for a newer one",
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement: without it the daemon cannot be built, or cannot run."""

    name: str
    version: str = "*"
    """The lowest version that is accepted; `*` for any."""
    install: str = ""
    """How to get it, where the manifest says so."""
    check: tuple[str, ...] = ()
    """A command that must succeed, in place of a version check."""

    @property
    def remedy(self) -> str:
        """What to install, as a command where there is one."""
        if self.install:
            return self.install
        kind, _, what = self.name.rpartition(":")
        if kind == "python":
            return f"{sys.executable} -m pip install {what}"
        return {
            "": _INSTALL.get(what, f"apt-get install {what}"),
            "npm": f"npm install --prefix {' '.join(what.split('/node_modules/'))}",
            "php": f"apt-get install php-{_extension(what)}, or pecl install {_extension(what)}",
            "pkg-config": f"apt-get install pkg-config and the package that brings {what}.pc",
            "file": f"the package that brings {what} (apt-file search {what})",
            "kernel": f"a kernel, and a container, in which {what} is allowed",
        }[kind]


@dataclass(frozen=True, slots=True)
class Unmet:
    """The requirements of a daemon that this machine does not meet."""

    reason: str
    """Why the daemon cannot run here, with what to install."""
    install: tuple[str, ...]
    """What brings each of them: a command where there is one."""

    def __str__(self) -> str:
        return self.reason


KINDS = ("php", "python", "npm", "pkg-config", "file", "kernel")
"""The kinds of requirements: the word before the colon in a name."""


def unmet(requirements: Iterable[Requirement], cache: Path | None = None) -> Unmet | None:
    """Why a daemon cannot run here, with what to install; None where it can.

    The cache file keeps the versions of commands until a command's file changes.
    """
    versions = _Versions(cache)
    tried = [(each.remedy, _unmet(each, versions)) for each in requirements]
    versions.save()
    lacking = [(remedy, reason) for remedy, reason in tried if reason]
    reasons = "; ".join(reason for _, reason in lacking)
    return Unmet(reasons, tuple(remedy for remedy, _ in lacking)) if lacking else None


def version_of(requirement: Requirement, cache: Path | None = None) -> str:
    """The version that is installed, or an empty string: part of what a build depends on."""
    versions = _Versions(cache)
    found = _find(requirement, versions) or ""
    versions.save()
    return found


def _unmet(requirement: Requirement, versions: _Versions) -> str | None:
    name, least = requirement.name, requirement.version
    if requirement.check:
        problem = _try(requirement.check)
        return problem and f"needs {name}, but {problem}: {requirement.remedy}"
    found = _find(requirement, versions)
    wanted = name if least == "*" else f"{name} {least} or newer"
    if found is None:
        return f"needs {wanted}, found none: {requirement.remedy}"
    if least != "*" and _numbers(found) < _numbers(least):
        return f"needs {wanted}, found {found or 'one without a version'}: {requirement.remedy}"
    return None


def _find(requirement: Requirement, versions: _Versions) -> str | None:
    """The installed version; empty where it does not print one, None where it is missing."""
    kind, _, what = requirement.name.rpartition(":")
    if kind == "python":
        try:
            return metadata.version(what)
        except metadata.PackageNotFoundError:
            return None
    if kind == "npm":
        try:
            return str(json.loads(Path(what, "package.json").read_bytes())["version"])
        except (OSError, ValueError, KeyError):
            return None
    if kind == "file":
        return "" if Path(what).exists() else None
    if kind == "kernel":
        return os.uname().release if what == "io_uring" and _io_uring() else None
    if kind == "pkg-config":
        return _output("pkg-config", "--modversion", what)
    if kind == "php":
        return _output("php", "-r", f"echo phpversion('{_extension(what)}');") or None
    return versions.of(what)


class _Versions:
    """A cache of commands' versions: to ask a command takes 5 to 80 ms."""

    def __init__(self, cache: Path | None) -> None:
        self._cache = cache
        self._known: dict[str, str] = {}
        self._changed = False
        if cache is not None:
            # The cache is missing or damaged: ask again.
            with contextlib.suppress(OSError, ValueError, TypeError):
                self._known = dict(json.loads(cache.read_bytes()))

    def of(self, tool: str) -> str | None:
        found = find_command(tool)
        if found is None:
            return None
        file = Path(found).resolve()
        # A proxy (cargo is a link to rustup) selects the version elsewhere: ask it each time.
        lasting = file.name.startswith(tool)
        stat = file.stat()
        identity = f"{file} {stat.st_mtime_ns} {stat.st_size}"
        if lasting and identity in self._known:
            return self._known[identity]
        version = _output(found, VERSION_ARGUMENT.get(tool, "--version")) or ""
        if lasting:
            self._known[identity] = version
            self._changed = True
        return version

    def save(self) -> None:
        if self._cache is None or not self._changed:
            return
        # In a read-only folder the versions are asked again each time.
        with contextlib.suppress(OSError):
            self._cache.parent.mkdir(exist_ok=True)
            draft = self._cache.with_name(f"{self._cache.name}.{os.getpid()}")
            draft.write_text(json.dumps(self._known))
            draft.replace(self._cache)


IO_URING_SETUP = 425
"""The system call's number, on every architecture but Alpha."""


def _io_uring() -> bool:
    """Whether this process may have a ring: sysctl, seccomp or the kernel's age can forbid it."""
    parameters = ctypes.create_string_buffer(120)
    ring = ctypes.CDLL(None).syscall(IO_URING_SETUP, 1, parameters)
    if ring >= 0:
        os.close(ring)
    return bool(ring >= 0)


VERSION_ARGUMENT = {
    "go": "version",
    "caddy": "version",
    "traefik": "version",
    "nginx": "-v",
    "haproxy": "-v",
    "apache2": "-v",
}
"""The argument that makes a command print its version, where it is not `--version`."""


def find_command(name: str, path: str | None = None) -> str | None:
    """The file of a command: on PATH, or next to the interpreter that runs the suite."""
    return shutil.which(name, path=path) or shutil.which(
        name, path=str(Path(sys.executable).parent)
    )


def _output(*command: str) -> str | None:
    """The first version number a command prints; None when it fails."""
    done = _run(command)
    if isinstance(done, str) or done.returncode:
        return None
    printed = done.stdout + done.stderr
    # A number with dots first: others are parts of a name (nghttp2) or of a commit's hash.
    number = re.search(r"\d+(\.\d+)+", printed) or re.search(r"\d+", printed)
    return number[0] if number else ""


def _try(command: tuple[str, ...]) -> str | None:
    done = _run(command)
    if isinstance(done, str):
        return done
    if not done.returncode:
        return None
    said = (done.stderr or done.stdout).strip().splitlines()
    return f"`{' '.join(command)}` fails ({said[-1] if said else f'status {done.returncode}'})"


def _run(command: tuple[str, ...]) -> subprocess.CompletedProcess[str] | str:
    # In /, because a file in the current folder may select a tool's version.
    try:
        return subprocess.run(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except OSError as error:
        return f"{command[0]} cannot be run ({error.strerror})"
    except subprocess.TimeoutExpired:
        return f"`{' '.join(command)}` gave no answer for {PATIENCE:g} s"


def _extension(name: str) -> str:
    return name.removeprefix("ext-")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", version))
