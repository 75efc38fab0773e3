"""Fixtures: the backend and the mock API as processes, and a client.

Both processes start once for all tests. A test that needs other options starts a
backend of its own. Tests use different thread ids, orders and scripts.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

PROGRAM = os.environ.get("AGENT_CHAT", str(Path(__file__).parent.parent / "agent-chat")).split()
"""AGENT_CHAT can name another program to test."""
KEY = "sk-secret-canary"
PATIENCE = 60.0
"""Seconds until a test gives up. Each wait ends at an event, so a passing test is faster."""
TERMINAL = {"message_complete", "interrupt", "interrupt_expired", "clarification", "error"}

Frame = dict[str, Any]


def call(tool: str, _id: str = "call_1", **arguments: Any) -> dict[str, Any]:
    """A script in which the model calls a tool. The arguments have two pieces."""
    text = json.dumps(arguments)
    pieces: list[dict[str, Any]] = [
        {"id": _id, "type": "function", "function": {"name": tool, "arguments": ""}},
        {"function": {"arguments": text[:5]}},
        {"function": {"arguments": text[5:]}},
    ]
    chunks = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **piece}]}}]}
        for piece in pieces
    ]
    return {"steps": [*({"event": chunk} for chunk in chunks), finish("tool_calls"), done()]}


def text(*deltas: str) -> dict[str, Any]:
    """A script in which the model answers with these deltas."""
    return {"steps": [*({"delta": delta} for delta in deltas), finish("stop"), done()]}


def finish(reason: str) -> dict[str, Any]:
    return {"finish": reason}


def done() -> dict[str, Any]:
    return {"done": True}


class Mock:
    """The mock API as a process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mock_api", "--quiet", "--exit-on-stdin-eof"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.base: str = ready["http"]
        self._control: str = ready["control"]
        self._names = (f"s{number}" for number in itertools.count())

    def stop(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(PATIENCE)

    def script(self, *attempts: dict[str, Any]) -> str:
        """Register a script and return the directive that plays it to the next requests."""
        name = next(self._names)
        self.ask("PUT", f"/scripts/{name}", {"attempts": list(attempts)})
        return f"[[test:script:{name};t={name}]]"

    def entries(self, directive: str, **query: Any) -> list[Frame]:
        """The journal entries of this directive's requests, once they match the query."""
        given = "&".join(f"{name}={value}" for name, value in query.items())
        token = directive.partition(";t=")[2].rstrip("]")
        answer = self.ask("GET", f"/journal/wait?token={token}&timeout=45&{given}")
        assert answer["satisfied"], answer
        return list(answer["entries"])

    def open_gate(self, directive: str, number: int) -> None:
        self.ask("POST", f"/gates/{directive.partition(';t=')[2].rstrip(']')}", {"open": number})

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = httpx.request(method, self._control + path, json=body, timeout=PATIENCE)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


class Chat:
    """A client's socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, kind: str, thread: str, **fields: Any) -> None:
        self.raw(json.dumps({"type": kind, "thread_id": thread, **fields}))

    def raw(self, data: str | bytes) -> None:
        self.connection.send(data)

    def say(self, thread: str, content: str, **fields: Any) -> list[Frame]:
        """Send a message and return the frames of its turn."""
        self.send("message", thread, content=content, **fields)
        return self.turn()

    def decide(self, thread: str, approved: Any) -> list[Frame]:
        """Answer an approval and return the frames of its turn."""
        self.send("interrupt_response", thread, approved=approved)
        return self.turn()

    def receive(self) -> Frame:
        frame = json.loads(self.connection.recv(PATIENCE))
        assert isinstance(frame, dict)
        return frame

    def turn(self) -> list[Frame]:
        """Receive all frames up to the terminal one."""
        frames = [self.receive()]
        while frames[-1]["type"] not in TERMINAL:
            frames.append(self.receive())
        return frames

    def refused(self, data: str | bytes) -> Frame:
        """Send a frame whose answer is one error, and return that."""
        self.raw(data)
        (frame,) = self.turn()
        assert frame["type"] == "error", frame
        return frame

    def fence(self) -> None:
        """Check that the test has received every frame so far."""
        assert "Invalid JSON" in self.refused("fence")["message"]


def kinds(frames: list[Frame]) -> list[str]:
    return [frame["type"] for frame in frames]


def text_of(frames: list[Frame]) -> str:
    return "".join(frame["content"] for frame in frames if frame["type"] == "token")


class Backend:
    """A running backend."""

    def __init__(self, mock: Mock, data: Path, *options: str, **environment: str) -> None:
        self.data = data
        command = [sys.executable, *PROGRAM, "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--data", str(data), *options],
            env={**os.environ, "OPENAI_API_BASE": mock.base, "OPENAI_API_KEY": KEY, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith("agent-chat: ws://"), line + self.process.stderr.read()
        self.url = line.split()[1]

    @property
    def http(self) -> str:
        return self.url.replace("ws://", "http://").removesuffix("/ws")

    def chat(self, query: str = "", **options: Any) -> ClientConnection:
        return connect(self.url + query, compression=None, close_timeout=PATIENCE, **options)

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """A REST request: the status and the JSON."""
        answer = httpx.get(self.http + path, headers=headers, timeout=PATIENCE)
        return answer.status_code, answer.json()

    def executions(self, order: str) -> int:
        """The number of actions that changed the order."""
        return int(self.get(f"/api/v1/orders/{order}")[1]["data"]["executions"])

    def end(self, signum: int = signal.SIGTERM) -> tuple[int, str]:
        """End the process; return the exit status and the log."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        _, log = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, log


@pytest.fixture(scope="session")
def mock() -> Iterator[Mock]:
    running = Mock()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def backend(mock: Mock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """The backend of all tests without options."""
    running = Backend(mock, tmp_path_factory.mktemp("backend") / "data")
    yield running
    assert running.end()[0] == 0


@pytest.fixture(scope="session")
def brief(mock: Mock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A backend whose sessions expire with their first message."""
    running = Backend(mock, tmp_path_factory.mktemp("brief") / "data", "--session-ttl", "0")
    yield running
    running.end()


@pytest.fixture
def start(mock: Mock, tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    """Start a backend with options, on the test's own data."""
    running: list[Backend] = []

    def start_one(*options: str, **environment: str) -> Backend:
        running.append(Backend(mock, tmp_path / "data", *options, **environment))
        return running[-1]

    yield start_one
    for backend in running:
        if backend.process.poll() is None:
            backend.end()


@pytest.fixture
def chat(backend: Backend) -> Iterator[Chat]:
    """A client of the common backend."""
    with backend.chat() as connection:
        yield Chat(connection)


@pytest.fixture
def thread(request: pytest.FixtureRequest) -> str:
    """A thread of the test's own."""
    return re.sub(r"\W", "_", request.node.name)[-100:]
