"""The mock API, the website and the app as processes, as a user starts them."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from world import ADMIN, PATIENCE

FOLDER = Path(__file__).parent.parent
REPOSITORY = FOLDER.parent.parent
WAIT_SECONDS = 45.0
"""Limit for one wait for the journal."""


class Process:
    """A process and the lines of its output."""

    def __init__(self, *command: str, cwd: Path = FOLDER, **env: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
            cwd=cwd,
            text=True,
        )
        self.seen: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def until(self, words: str) -> str:
        """The next line with these words."""
        while (line := self._lines.get(timeout=PATIENCE)) is not None:
            self.seen.append(line)
            if words in line:
                return line
        raise AssertionError(f"ended without {words!r}:\n{''.join(self.seen)}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process and return the exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(PATIENCE)


@contextmanager
def running(process: Process) -> Iterator[Process]:
    """End the process at the end of the block, also after an exception."""
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.process.kill()
        process.process.wait()
        for pipe in (process.process.stdin, process.process.stdout):
            if pipe is not None:
                pipe.close()


class Mock:
    """The mock API as a process."""

    def __init__(self, process: Process) -> None:
        ready = json.loads(process.until('"ready"'))
        self.base: str = ready["http"]
        self._control: str = ready["control"]

    def wait(self, token: str, **query: Any) -> list[dict[str, Any]]:
        """The journal entries of a token, once they match the query."""
        query = {"token": token, "timeout": WAIT_SECONDS, **query}
        reply = httpx.get(
            f"{self._control}/journal/wait", params=query, timeout=PATIENCE, trust_env=False
        )
        assert reply.json()["satisfied"], reply.text
        return list(reply.json()["entries"])

    def script(self, name: str, *parts: str) -> str:
        """Register an answer of these parts and return the directive that plays it."""
        steps = [{"write": part} for part in parts]
        httpx.put(
            f"{self._control}/scripts/{name}",
            json={"attempts": [{"steps": steps}]},
            timeout=PATIENCE,
            trust_env=False,
        ).raise_for_status()
        return f"[[test:script:{name}]]"

    def open(self, token: str, gate: int) -> None:
        """Open a gate of a script."""
        address = f"{self._control}/gates/{token}"
        httpx.post(
            address, json={"open": gate}, timeout=PATIENCE, trust_env=False
        ).raise_for_status()


@contextmanager
def mock_api() -> Iterator[Mock]:
    """The mock API, for the block."""
    options = ("-m", "mock_api", "--quiet", "--exit-on-stdin-eof")
    with running(Process(*options, cwd=REPOSITORY)) as process:
        yield Mock(process)


def website(data: Path, *options: str) -> Process:
    """The website with an admin and a large quota."""
    plenty = ("--quota-standard", "1000", "--admin", ADMIN.name)
    return Process(
        str(FOLDER / "spaces-website"),
        *("--data", str(data), *plenty, *options),
        SPACES_ADMIN_PASSWORD=ADMIN.password,
    )


def address(process: Process) -> str:
    """The address of a website, once it answers."""
    url = process.until("http://").split()[-1]
    transport = httpx.HTTPTransport(retries=15)  # its pauses double, 80 s in all
    with httpx.Client(transport=transport, trust_env=False, timeout=PATIENCE) as client:
        client.get(url).raise_for_status()
    return url


def app(url: str, api: str, *spaces: str) -> Process:
    """The remote app."""
    options = ("--host", url, "--spaces", *spaces, "--verbose")
    return Process(str(FOLDER / "app.py"), *options, OPENAI_API_BASE=api, OPENAI_API_KEY="sk-t")


@contextmanager
def admin(url: str) -> Iterator[httpx.Client]:
    """The admin, logged in."""
    with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE) as client:
        fields = {"username": ADMIN.name, "password": ADMIN.password}
        assert client.post("/login", data=fields).status_code == 302
        yield client


def add_space(client: httpx.Client, name: str, **fields: str) -> str:
    """Create a space and return its id."""
    form = {"name": name, "card_type": "websockets", "ws_enable_prompt": "on", **fields}
    reply = client.post("/admin/space/add", data=form)
    return reply.headers["location"].rsplit("/", 1)[1]


def submit(client: httpx.Client, space: str, prompt: str) -> str:
    """Submit a request and return its id."""
    reply = client.post(f"/websockets/submit/{space}", data={"prompt": prompt})
    assert reply.status_code == 200, reply.text
    return str(reply.json()["request_id"])


def status(client: httpx.Client, request: str) -> dict[str, Any]:
    """The status of a request."""
    reply = client.get("/websockets/status", params={"request_id": request})
    return dict(reply.json())


def finished(client: httpx.Client, request: str) -> dict[str, Any]:
    """The final status of a request."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        seen = status(client, request)
        if seen["status"] in {"completed", "failed"}:
            return seen
    raise AssertionError(seen)
