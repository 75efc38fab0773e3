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
        self._port = _pinned() if port is None else port
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
        if self._port and _in_use(self._port):
            return MockApiError(
                f"port {self._port} of 127.0.0.1 is in use, so the mock API cannot listen there; "
                f"choose another with {PORT}=…, unset {PORT} to have a free one found, or see "
                f"who has it: ss -ltnp 'sport = :{self._port}'"
            )
        return MockApiError(
            f"the mock API {describe(returncode)} before it was ready{self._tail()}"
        )

    def _tail(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()[-20:]
        except FileNotFoundError:
            return ""
        return "".join(f"\n    | {line}" for line in lines)


def _pinned() -> int:
    value = os.environ.get(PORT, "").strip() or "0"
    if not value.isdecimal() or int(value) > 65535:
        raise MockApiError(
            f"{PORT}={value!r} is not a port: give a number up to 65535, or unset it"
        )
    return int(value)


def _in_use(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
