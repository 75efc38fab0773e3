"""Starting an instance of a daemon, knowing when it serves, and stopping it.

Each instance has a private folder (mode 0700) with its socket, its state and its log. It
has a loopback address of its own. From the user's environment it inherits only the
variables that programs need: no proxy variable, and no setting of the user's. It is ready
when a connect succeeds. A daemon that dies before that is an error at once, with its exit
status and its log, and not a timeout.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from conformance.core.masking import PREFIX
from conformance.core.socket_type import SocketType
from conformance.daemon.child import PATIENCE, Child, Exit, describe
from conformance.daemon.failures import (
    NotPreparedError,
    SpawnError,
)
from conformance.daemon.guardian import guardian
from conformance.daemon.log_room import bounded
from conformance.daemon.manifest import Manifest, Variant, fill
from conformance.daemon.places import address, paths, write_files
from conformance.daemon.proc import Probe, probe
from conformance.daemon.readiness import wait_until_ready
from conformance.daemon.requires import find_command
from conformance.daemon.setup import run_command, set_up

if TYPE_CHECKING:
    from conformance.mock.addresses import Addresses
    from conformance.mock.client import MockClient

INHERITED = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER")
"""The variables that an instance inherits from the suite."""

SOCKET = "daemon.sock"
STATE = "state"
LOG = "log"

LOG_KEPT = 1 << 20
"""Bytes of the log's end that are kept when the folder is removed."""

LOG_SHOWN = 1 << 14
"""Bytes of one scenario's part of the log that are read for its record."""

_numbers = itertools.count(1)


class How(TypedDict, total=False):
    """How an instance is started, in addition to its manifest."""

    options: Mapping[str, str]
    """Options by name, passed on as the manifest's [options] say."""
    key_name: str
    """The name under which its API key is registered with the mock API."""
    addresses: Addresses
    """Where its API is, if it is not the mock API."""
    env: Mapping[str, str]
    """Variables that win over the manifest's."""
    nofile: int | None
    """RLIMIT_NOFILE, soft and hard, where it differs from the suite's."""
    socket: Path
    """Where it listens, if not in its own folder."""
    state: Path
    """The folder for its state, if not a new one."""


class DaemonProcess:
    """One instance of a daemon, started by the suite. An Instance."""

    def __init__(
        self,
        manifest: Manifest,
        variant: Variant,
        child: Child,
        *,
        folder: Path,
        places: Mapping[str, str],
        key: str,
        key_name: str,
    ) -> None:
        self.manifest = manifest
        self.variant = variant
        self.folder = folder
        """Its private folder; removed after it was stopped."""
        self.socket = Path(places["socket"])
        self.state = Path(places["state"])
        """The folder for its state. It is removed with the private folder, unless it was given."""
        self.places = places
        """The values of the manifest's placeholders for this instance."""
        scheme = manifest.client_of(variant).scheme
        self.url = manifest.reach.url(places["host"], places["port"], scheme=scheme)
        self.key = key
        """Its API key, which no other instance has."""
        self.key_name = key_name
        """The name under which the mock API knows that key."""
        self._child = child
        self._log: str | None = None

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        manifest: Manifest,
        variant: Variant,
        upstream: MockClient,
        *,
        scale: float = 1.0,
        **how: Unpack[How],
    ) -> AsyncIterator[DaemonProcess]:
        """Start an instance, wait until it serves, and stop it in the end.

        scale: multiplies the manifest's [run] timeout, and the time to obey SIGTERM.

        Raises StartError: SpawnError, DiedBeforeReadyError, NeverReadyError or
        WrongTypeError; LookupError for a wish that [options] does not have.
        """
        async with cls.launch(manifest, variant, upstream, scale=scale, **how) as daemon:
            await daemon.ready(manifest.run.timeout * scale)
            await set_up(manifest.setup, daemon.places, url=daemon.url, name=daemon.name)
            yield daemon

    @classmethod
    @asynccontextmanager
    async def launch(
        cls,
        manifest: Manifest,
        variant: Variant,
        upstream: MockClient,
        *,
        scale: float = 1.0,
        **how: Unpack[How],
    ) -> AsyncIterator[DaemonProcess]:
        """As start(), without waiting until it serves: for an instance that may refuse to."""
        number = next(_numbers)
        folder = Path(guardian().folder, str(number))
        os.mkdir(folder, 0o700)
        try:
            state = how.get("state", folder / STATE)
            state.mkdir(mode=0o700, exist_ok=True)
            key = f"{PREFIX}{secrets.token_hex(12)}"
            name = f"{manifest.name}.{variant.name}"[:44]  # a key's name has 64 characters
            key_name = how.get("key_name", f"{name}.{os.getpid()}.{number}")
            await upstream.register_key(key_name, key)
            sock = how.get("socket", folder / SOCKET)
            places = {
                **paths(manifest, folder, sock=sock, state=state),
                **address(),
                **manifest.placed(how.get("options", {})),
                "api_key": key,
                **how.get("addresses", upstream.addresses).places(),
            }
            write_files(manifest, variant, places)
            inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
            env = {**inherited, **manifest.environment(variant, places), **how.get("env", {})}
            command = _command(manifest, variant, places, how, env)
            child = _spawn(manifest, variant, command, env, folder / LOG)
            daemon = cls(
                manifest, variant, child, key=key, key_name=key_name, folder=folder, places=places
            )
            patience = PATIENCE * scale
            room = asyncio.create_task(bounded(folder / LOG))
            try:
                yield daemon
            except asyncio.CancelledError:
                patience = 0.0  # the run was stopped: do not wait for a daemon to drain
                raise
            finally:
                try:
                    await daemon.stop(patience)
                finally:
                    room.cancel()
                    daemon._log = daemon.log()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def name(self) -> str:
        """`daemon/variant`, as reports call it."""
        return f"{self.manifest.name}/{self.variant.name}"

    @property
    def socket_type(self) -> SocketType:
        """The type of its socket, as the manifest says it."""
        return self.manifest.run.socket_type

    @property
    def pid(self) -> int:
        """Its main process, which leads a process group of its own."""
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status or minus a signal's number; None while it runs."""
        return self._child.returncode

    def alive(self) -> bool:
        """Whether its main process runs."""
        return self._child.returncode is None

    def describe_exit(self) -> str | None:
        """`was killed by SIGSEGV (…)`; None while it runs."""
        returncode = self._child.returncode
        return None if returncode is None else describe(returncode)

    async def ended(self) -> int:
        """Wait until its main process has ended; its returncode."""
        return await self._child.ended()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to its main process; nothing when that has ended."""
        self._child.send_signal(number)

    async def stop(self, patience: float = PATIENCE) -> Exit:
        """Stop it as its manifest says; after `patience` seconds kill it and its children."""
        await self.ask_to_stop(command_only=True)
        return await self._child.stop(patience, signal.Signals[f"SIG{self.manifest.stop.signal}"])

    async def ask_to_stop(self, *, command_only: bool = False) -> None:
        """Ask it to stop gracefully: by the manifest's command, or else by its signal."""
        stop = self.manifest.stop
        if not self.alive():
            return
        if stop.command:
            with suppress(NotPreparedError):  # the signal, and then SIGKILL, follow at the end
                await run_command(
                    [fill(word, self.places) for word in stop.command], name=self.name
                )
        elif not command_only:
            self.send_signal(signal.Signals[f"SIG{stop.signal}"])

    def probe(self) -> Probe:
        """What the kernel tells of it and its children now; ProcessLookupError when it ended."""
        if not self.alive():
            raise ProcessLookupError(f"{self.name} {self.describe_exit()}")
        return probe(self.pid)

    def log(self) -> str:
        """What it wrote to stdout and stderr (the last MiB of it); also after it was stopped."""
        if self._log is not None:
            return self._log
        with (self.folder / LOG).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_KEPT))
            return file.read().decode(errors="replace")

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        return "\n".join(self.log().splitlines()[-lines:])

    def log_mark(self) -> int:
        """The length of its log in bytes."""
        return (self.folder / LOG).stat().st_size if self._log is None else 0

    def log_since(self, mark: int) -> str:
        """What it has written since then; the last LOG_SHOWN bytes, if it is more."""
        if self._log is not None:
            return self._log[-LOG_SHOWN:]
        with (self.folder / LOG).open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            file.seek(max(mark, end - LOG_SHOWN))
            return file.read(LOG_SHOWN).decode(errors="replace")

    async def ready(self, timeout: float) -> None:
        """Wait until it serves. `timeout`: see wait_until_ready. Raises StartError."""
        await wait_until_ready(self, timeout)


def _command(
    manifest: Manifest,
    variant: Variant,
    places: Mapping[str, str],
    how: How,
    env: Mapping[str, str],
) -> list[str]:
    program, *args = manifest.command(variant, places, how.get("options", {}))
    if "/" in program:
        found = shutil.which(manifest.dir / program)
        where, fix = "is no executable file", "install it"
        if manifest.build:
            fix = "[build] should have made it"
    else:
        found = find_command(program, env.get("PATH"))
        where, fix = "is not on PATH", "install it, and name it in [run] requires"
    if found is None:
        raise SpawnError(
            f"{manifest.name}/{variant.name} cannot be started: {program} {where}; {fix}, "
            f"or correct [run] command ({manifest.path})"
        )
    nofile = how.get("nofile")
    if nofile is None:
        return [str(found), *args]
    # Set later, the limit would be too late for a runtime that reads it at its start. Set
    # between fork and exec by Python, it would not be safe in a process with threads.
    limited = 'ulimit -n "$0" && exec "$@"'
    return ["/bin/sh", "-c", limited, str(nofile), str(found), *args]


def _spawn(
    manifest: Manifest, variant: Variant, command: list[str], env: Mapping[str, str], log: Path
) -> Child:
    with log.open("ab") as output:
        try:
            return Child(command, env=env, cwd=manifest.dir, output=output.fileno())
        except OSError as error:
            raise SpawnError(
                f"{manifest.name}/{variant.name} cannot be started: {command[0]}: "
                f"{error.strerror}; correct [run] command ({manifest.path})"
            ) from None
