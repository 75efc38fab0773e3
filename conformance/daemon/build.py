"""Building a daemon, where its inputs have changed.

A build is fresh when its key equals the key that the last successful build left
behind. The key is a digest of the build command, of every input's content, and of the
tools' versions. Time stamps do not count, because a checkout renews them all. A lock
lets runs that start together build once: the first run builds, the others wait.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from conformance.daemon.child import PATIENCE, Child, describe
from conformance.daemon.failures import BuildError
from conformance.daemon.manifest import Build, Manifest, fill
from conformance.daemon.requires import version_of

STAMP = ".stamp"
LOCK = ".lock"
LOG = ".log"

TAIL = 40
"""Lines of a failed build's output that are shown: the compiler's last error in its context."""


async def build(manifest: Manifest) -> Path:
    """Bring the daemon's build up to date; returns the folder of `{build}`.

    Takes a few milliseconds where nothing has changed. Raises BuildError with
    the command and the end of its output.
    """
    folder = manifest.build_dir
    if manifest.build is None:
        return folder
    try:
        folder.mkdir(exist_ok=True)
        stamp = folder / STAMP
        async with _lock(folder / LOCK):
            key = _key(manifest, manifest.build)
            if not stamp.exists() or stamp.read_text() != key:
                stamp.unlink(missing_ok=True)
                await _run(manifest, manifest.build)
                stamp.write_text(key)
    except OSError as error:
        raise BuildError(f"{manifest.name} cannot be built in {folder}: {error}") from None
    return folder


def _key(manifest: Manifest, build: Build) -> str:
    digest = hashlib.sha256()

    def add(*parts: str | bytes) -> None:
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            digest.update(b"%d:" % len(data) + data)

    add(*_command(manifest, build))
    for requirement in manifest.requires:
        add(requirement.name, version_of(requirement, manifest.versions_file))
    for pattern in build.inputs:
        files = sorted(path for path in manifest.dir.glob(pattern) if path.is_file())
        if not files:
            raise BuildError(
                f"{manifest.path}: [build] inputs: {pattern!r} matches no file in {manifest.dir}; "
                "correct the pattern (** stands for any depth) or remove it"
            )
        for path in files:
            add(str(path.relative_to(manifest.dir)), path.read_bytes())
    return digest.hexdigest()


def _command(manifest: Manifest, build: Build) -> list[str]:
    places = {
        "build": str(manifest.build_dir),
        "dir": str(manifest.dir),
        "python": sys.executable,
    }
    return [fill(each, places) for each in build.command]


async def _run(manifest: Manifest, build: Build) -> None:
    command = _command(manifest, build)
    shown = " ".join(command)
    log = manifest.build_dir / LOG
    with log.open("wb") as output:
        try:
            child = Child(command, env=os.environ, cwd=manifest.dir, output=output.fileno())
        except OSError as error:
            raise BuildError(
                f"{manifest.name} cannot be built: {command[0]}: {error.strerror}; install it, "
                f"and name it in [build] requires ({manifest.path})"
            ) from None
    try:
        returncode = await asyncio.wait_for(child.ended(), build.timeout)
    except TimeoutError:
        raise BuildError(
            f"building {manifest.name} took more than {build.timeout:g} s: `{shown}`; "
            f"see whether it waits for something, or raise [build] timeout ({manifest.path})",
            log=_tail(log),
        ) from None
    finally:
        await child.stop(PATIENCE)
    if returncode:
        raise BuildError(
            f"building {manifest.name} failed: `{shown}` in {manifest.dir} {describe(returncode)}",
            log=_tail(log),
        )


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL:])


@asynccontextmanager
async def _lock(path: Path) -> AsyncIterator[None]:
    """Hold the file's lock; the kernel releases it when the process ends."""
    with path.open("w") as file:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            # A thread that waits in flock() cannot be cancelled, and builds take seconds.
            await asyncio.sleep(0.02)
        yield
