"""The mock API as a process: a run starts one, and stops it at its end."""

from __future__ import annotations

import errno
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from conformance.daemon.child import describe
from conformance.daemon.guardian import MARK, guardian
from conformance.mock.addresses import Addresses, MockApiError

PORT = "MOCK_API_PORT"
"""The environment variable that pins the port of the plain listener."""

LAST_PORT = 65535

START_TIMEOUT = 20.0
"""Seconds. Its start takes 0.3 s on a calm machine, most of it importing."""

STOP_TIMEOUT = 10.0
"""Seconds that a server takes at most to end after SIGTERM."""


class MockServer:
    """A running mock API. Its methods block, so a run needs no event loop to start it.

    The constructor returns at once; `addresses` waits until it is ready.
    """

    def __init__(self, *, port: int | None = None, args: Sequence[str] = ()) -> None:
        """Start it.

        port: of the plain listener; else that of MOCK_API_PORT, else any free port.
        args: further arguments for `python -m mock_api`.
        """
        self._port = (pinned() or 0) if port is None else port
        warden = guardian()
        self._folder = Path(warden.folder, f"api-{os.urandom(3).hex()}")
        self._folder.mkdir(mode=0o700)
        self._log = self._folder / "log"
        command = [
            *(sys.executable, "-m", "mock_api", "--exit-on-stdin-eof"),
            *("--port", str(self._port), "--tls", "--tls-port", "0"),
            *(
                "--socket",
                str(self._folder / "api.sock"),
                "--ca-file",
                str(self._folder / "ca.pem"),
            ),
            *args,
        ]
        with self._log.open("wb") as log:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, MARK: warden.mark},
            )
        warden.watch(self._popen.pid)
        self._addresses: Addresses | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def addresses(self) -> Addresses:
        """Its addresses; waits until it listens. Raises MockApiError."""
        if self._addresses is None:
            try:
                self._addresses = Addresses.from_json(json.loads(self._ready_line()))
            except BaseException:
                self.stop()
                raise
        return self._addresses

    def describe_exit(self) -> str | None:
        """How it ended, with its log's tail; None while it runs."""
        returncode = self._popen.poll()
        return None if returncode is None else f"{describe(returncode)}{self._tail()}"

    def stop(self) -> None:
        """End it and remove its files."""
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(self._popen.pid, signal.SIGKILL)
                self._popen.wait()
        guardian().forget(self._popen.pid)
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe:
                pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _ready_line(self) -> bytes:
        assert self._popen.stdout is not None
        end = time.monotonic() + START_TIMEOUT
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._popen.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(end - time.monotonic(), 0)):
                    raise MockApiError(
                        f"the mock API was not ready within {START_TIMEOUT:g} s{self._tail()}"
                    )
                data = os.read(self._popen.stdout.fileno(), 1 << 16)
                if not data:
                    raise self._died()
                line += data
        return line

    def _died(self) -> MockApiError:
        returncode = self._popen.wait(STOP_TIMEOUT)
        if self._port and (taken := taken_port(self._port)):
            return taken
        return MockApiError(
            f"the mock API {describe(returncode)} before it was ready{self._tail()}"
        )

    def _tail(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()[-20:]
        except FileNotFoundError:
            return ""
        return "".join(f"\n    | {line}" for line in lines)


def pinned(given: str | None = None) -> int | None:
    """The port of the plain listener that the user asks for: `given`, else MOCK_API_PORT.

    None where any free port will do. Raises MockApiError for text that is not a port.
    """
    name, value = ("--mock-port", given) if given is not None else (PORT, os.environ.get(PORT, ""))
    value = value.strip()
    if given is None and not value.strip("0"):
        return None
    if not (value.isascii() and value.isdecimal() and 0 < int(value) <= LAST_PORT):
        unset = "leave it out" if given is not None else "unset it"
        raise MockApiError(
            f"{name}: expected a port from 1 to {LAST_PORT}, found {value!r}; {unset} to have a "
            "free one found"
        )
    return int(value)


def usable_port(given: str | None = None) -> int | None:
    """As pinned(); raises MockApiError also where the port is in use."""
    port = pinned(given)
    if port is not None and (taken := taken_port(port)):
        raise taken
    return port


def taken_port(port: int) -> MockApiError | None:
    """The error where the mock API cannot listen on this port; else None."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            problem = "is in use" if error.errno == errno.EADDRINUSE else f"({error.strerror})"
            return MockApiError(
                f"port {port} of 127.0.0.1 {problem}, so the mock API cannot listen there; choose "
                f"another one with --mock-port or {PORT}, or see which process has it: "
                f"ss -ltnp 'sport = :{port}'"
            )
    return None
