"""Fixtures: a store, commands, and the backend and the mock API as processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from rpc_chat import config
from rpc_chat.commands import Commands
from rpc_chat.options import Flavour
from rpc_chat.store import Store

PROGRAM = str(Path(__file__).parent.parent / "rpc-chat")
KEY = "sk-secret-canary"
PATIENCE = 60.0
"""Seconds until a test gives up. Each wait ends at an event, so a passing test is faster."""

MODELS = dict(config.load().with_default("small").models)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def commands(store: Store) -> Commands:
    return Commands(store, models=MODELS, flavour=Flavour.CODE)


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

    def stop(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(PATIENCE)

    def script(self, name: str, attempt: dict[str, Any]) -> str:
        """Register a script and return the directive that plays it."""
        self._ask("PUT", f"/scripts/{name}", {"attempts": [attempt]})
        return f"[[test:script:{name};t={name}]]"

    def open_gate(self, name: str, number: int) -> None:
        self._ask("POST", f"/gates/{name}", {"open": number})

    def entries(self, name: str) -> list[dict[str, Any]]:
        """The journal entries of a script, once the requests have ended."""
        answer = self._ask("GET", f"/journal/wait?token={name}&timeout=45&for=ended", None)
        assert answer["satisfied"], answer
        return list(answer["entries"])

    def _ask(self, method: str, path: str, body: Any) -> Any:
        answer = httpx.request(method, self._control + path, json=body, timeout=PATIENCE)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


class Backend:
    """A running backend."""

    def __init__(self, mock: Mock, data: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, "--port", "0", "--data", str(data), *options],
            env={**os.environ, "OPENAI_API_BASE": mock.base, "OPENAI_API_KEY": KEY},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        url = re.search(r"ws://\S+", line)
        assert url is not None, line + self.process.stderr.read()
        self.url = url[0]
        self._log: list[str] = []
        # A pipe that is full would block the backend.
        self._reader = threading.Thread(target=self._log.extend, args=(self.process.stderr,))
        self._reader.start()

    def end(self) -> str:
        """End the process and return its log."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0
        self._reader.join()
        return "".join(self._log)


@pytest.fixture(scope="session")
def mock() -> Iterator[Mock]:
    running = Mock()
    yield running
    running.stop()


@pytest.fixture
def start(mock: Mock, tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    """Start a backend with options."""
    backends: list[Backend] = []

    def start_one(*options: str) -> Backend:
        backends.append(Backend(mock, tmp_path / f"data{len(backends)}", *options))
        return backends[-1]

    yield start_one
    for backend in backends:
        if backend.process.poll() is None:
            backend.end()
