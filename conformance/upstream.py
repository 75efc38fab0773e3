"""The mock API as a process, and what the suite asks of it.

A run has one mock API. A MockServer starts it; its Addresses travel as JSON
to every worker of the run; an Upstream is a client of its control interface,
of which each event loop has its own. Waiting is the server's job: a wait is
one request that is answered when the thing has happened.
"""

from __future__ import annotations

import asyncio
import base64
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
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote, urlencode

from conformance.control import Control, ControlError
from conformance.daemon.child import describe
from conformance.daemon.guardian import MARK, guardian
from conformance.evidence import End, JournalEntry, SentEvent

PORT = "MOCK_API_PORT"
"""The environment variable that pins the port of the plain listener."""

START_TIMEOUT = 20.0
"""Seconds. Its start takes 0.3 s on a calm machine, most of it importing."""

ANSWER = 10.0
"""Seconds the control interface may take to answer, beyond what was asked to be waited for."""


class UpstreamError(Exception):
    """The mock API did not start, or cannot be asked: the suite is broken, no daemon is."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a mock API listens."""

    http: str
    """Base URL of the plain listener, with `/v1`."""
    https: str
    """Base URL of the TLS listener, with `/v1`; its certificate is signed by `ca_file`."""
    socket: str
    """Path of its Unix socket."""
    ca_file: str
    """PEM file of the CA."""
    control: str
    """Base URL of the control interface."""

    def places(self) -> dict[str, str]:
        """The values of the manifest's placeholders that are about the API."""
        return {
            "api_base": self.https,
            "api_base_plain": self.http,
            "api_socket": self.socket,
            "ca_file": self.ca_file,
        }

    def to_json(self) -> dict[str, str]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, str]) -> Addresses:
        """The inverse of to_json; further keys are ignored."""
        names = ("http", "https", "socket", "ca_file", "control")
        return cls(**{name: value[name] for name in names})


class MockServer:
    """A running mock API. Blocking, so that whoever starts a run needs no event loop for it.

    The constructor returns at once; `addresses` waits until it is ready.
    """

    def __init__(self, *, port: int | None = None, args: Sequence[str] = ()) -> None:
        """Start it.

        port: of the plain listener; MOCK_API_PORT when not given, and any free one without it.
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
        """Where it listens; waits until it does. Raises UpstreamError."""
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
                self._popen.wait(ANSWER)
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
                    raise UpstreamError(
                        f"the mock API was not ready within {START_TIMEOUT:g} s{self._tail()}"
                    )
                data = os.read(self._popen.stdout.fileno(), 1 << 16)
                if not data:
                    raise self._died()
                line += data
        return line

    def _died(self) -> UpstreamError:
        returncode = self._popen.wait(ANSWER)
        if self._port and _in_use(self._port):
            return UpstreamError(
                f"port {self._port} of 127.0.0.1 is in use, so the mock API cannot listen there; "
                f"choose another with {PORT}=…, unset {PORT} to have a free one found, or see "
                f"who has it: ss -ltnp 'sport = :{self._port}'"
            )
        return UpstreamError(
            f"the mock API {describe(returncode)} before it was ready{self._tail()}"
        )

    def _tail(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()[-20:]
        except FileNotFoundError:
            return ""
        return "".join(f"\n    | {line}" for line in lines)


class Upstream:
    """A client of a running mock API. Belongs to one event loop.

    Every method raises UpstreamError when the mock API cannot be asked or
    refuses; the message is the mock API's own.
    """

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self._control = Control(addresses.control)

    @classmethod
    @asynccontextmanager
    async def attach(cls, addresses: Addresses) -> AsyncIterator[Upstream]:
        """A client of a mock API that somebody else started."""
        upstream = cls(addresses)
        try:
            yield upstream
        finally:
            await upstream._control.close()

    @classmethod
    @asynccontextmanager
    async def start(
        cls, *, port: int | None = None, args: Sequence[str] = ()
    ) -> AsyncIterator[Upstream]:
        """Start a mock API, as MockServer does, and be its client."""
        server = MockServer(port=port, args=args)
        try:
            async with cls.attach(await asyncio.to_thread(lambda: server.addresses)) as upstream:
                yield upstream
        finally:
            await asyncio.to_thread(server.stop)

    async def register_key(self, name: str, key: str) -> None:
        """Have requests that carry this API key attributed to this name."""
        await self._ask("PUT", f"/keys/{quote(name, safe='')}", {"key": key})

    async def forget_key(self, name: str) -> None:
        """Undo register_key."""
        await self._ask("DELETE", f"/keys/{quote(name, safe='')}")

    async def journal(self, token: str) -> tuple[JournalEntry, ...]:
        """The requests that carried this token, in order of arrival."""
        return await self._entries(token=token)

    async def by_key(self, name: str) -> tuple[JournalEntry, ...]:
        """The requests that carried the API key registered under this name."""
        return await self._entries(key=name)

    async def since(self, entry: int) -> tuple[JournalEntry, ...]:
        """All requests after the one with this id; 0 for all that are kept."""
        return await self._entries(after=entry)

    async def wait(
        self,
        token: str,
        *,
        state: Literal["received", "ended"],
        within: float,
        brief: bool = False,
    ) -> tuple[JournalEntry, ...]:
        """The token's requests, once there is one and (for `ended`) none is running.

        After `within` seconds: what there is. `brief`: without the request's body and what the
        events say, which of a large answer is much.
        """
        return await self._wait(within, {"token": token, "for": state, "brief": int(brief)})

    async def wait_by_key(
        self, name: str, *, state: Literal["received", "ended"], within: float
    ) -> tuple[JournalEntry, ...]:
        """As wait(), for the requests that carried the API key of this name."""
        return await self._wait(within, {"key": name, "for": state})

    async def wait_events(
        self, token: str, count: int, *, within: float
    ) -> tuple[JournalEntry, ...]:
        """As wait(), once the mock API has sent this many events to the token's request."""
        return await self._wait(within, {"token": token, "events": count})

    async def put_script(self, name: str, script: Any) -> None:
        """Register a script (JSON, as docs/patterns.md describes) for the pattern `script:NAME`."""
        await self._ask("PUT", f"/scripts/{quote(name, safe='')}", script)

    async def drop_script(self, name: str) -> None:
        """Undo put_script."""
        await self._ask("DELETE", f"/scripts/{quote(name, safe='')}")

    async def open_gate(self, token: str, count: int) -> None:
        """Let the first `count` events of the token's gated answer leave."""
        await self._ask("POST", f"/gates/{quote(token, safe='')}", {"open": count})

    async def _entries(self, **query: str | int) -> tuple[JournalEntry, ...]:
        answer = await self._ask("GET", f"/journal?{urlencode(query)}")
        return tuple(entry_from_json(each) for each in answer["entries"])

    async def _wait(self, within: float, query: dict[str, str | int]) -> tuple[JournalEntry, ...]:
        path = f"/journal/wait?{urlencode({**query, 'timeout': f'{within:.3f}'})}"
        answer = await self._ask("GET", path, within=within + ANSWER)
        return tuple(entry_from_json(each) for each in answer["entries"])

    async def _ask(
        self, method: str, path: str, body: Any = None, *, within: float = ANSWER
    ) -> Any:
        try:
            return await self._control.request(method, path, body, within=within)
        except ControlError as error:
            raise UpstreamError(str(error)) from None


def entry_from_json(value: Mapping[str, Any]) -> JournalEntry:
    """A journal entry as the control interface sends it; its body is base64."""
    return JournalEntry(
        **{
            **value,
            "headers": tuple((name, each) for name, each in value["headers"]),
            "body": base64.b64decode(value["body"]),
            "events": tuple(
                SentEvent(at=each["at"], data=each["data"], type=each["type"])
                for each in value["events"]
            ),
            "end": End(value["end"]),
        }
    )


def _pinned() -> int:
    value = os.environ.get(PORT, "").strip() or "0"
    if not value.isdecimal() or int(value) > 65535:
        raise UpstreamError(
            f"{PORT}={value!r} is no port: give a number up to 65535, or unset it to have a free "
            "port found"
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
