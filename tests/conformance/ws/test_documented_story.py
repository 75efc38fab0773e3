"""A user of pywsitest brings three programs along, and follows docs/ws.md step by step.

The programs have the form that the introduction of pywsitest prints. The user's folder lies
outside the repository, and the server speaks TLS with a certificate of a private authority.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets import ConnectionClosed
from websockets.sync.server import ServerConnection

from tests.conformance.ws.servers import Authority, Serve

REPOSITORY = Path(__file__).parents[3]
STEPS = (REPOSITORY / "docs" / "ws.md").read_text().partition("## Coming from pywsitest")[2]

JOIN = """
import asyncio
from pywsitest import WSTest, WSResponse

joining = (
    WSTest("wss://localhost")
    .with_parameter("name", "Ada")
    .with_response(WSResponse().with_attribute("message", "Ada has connected"))
)

asyncio.get_event_loop().run_until_complete(joining.run())
assert joining.is_complete()
"""

SPEAK = """
import asyncio
from pywsitest.ws_test import WSTest
from pywsitest.ws_response import WSResponse
from pywsitest.ws_message import WSMessage

greeting = WSMessage().with_attribute("message", "Good morning")
joined = WSResponse().with_attribute("message", "Ada has connected").with_trigger(greeting)
spoken = WSResponse().with_attribute("message", "Ada: Good morning")
speaking = (
    WSTest("wss://localhost").with_parameter("name", "Ada").with_response(joined)
    .with_response(spoken)
)

asyncio.get_event_loop().run_until_complete(speaking.run())
assert speaking.is_complete()
"""

MEET = """
import asyncio
from pywsitest import WSTest, WSResponse, WSMessage


def receives(text):
    return WSResponse().with_attribute("message", text)


def says(text):
    return WSMessage().with_attribute("message", text)


async def test_ada():
    ada = (
        WSTest("wss://localhost")
        .with_parameter("name", "Ada")
        .with_response(receives("Ada has connected"))
        .with_response(receives("Bob has connected").with_trigger(says("Hello Bob")))
        .with_response(receives("Bob: Hello Ada"))
    )
    await ada.run()
    assert ada.is_complete()


async def test_bob():
    await asyncio.sleep(2)
    bob = (
        WSTest("wss://localhost")
        .with_parameter("name", "Bob")
        .with_response(receives("Bob has connected"))
        .with_response(receives("Ada: Hello Bob").with_trigger(says("Hello Ada")))
        .with_response(receives("Ada has disconnected"))
    )
    await bob.run()
    assert bob.is_complete()


async def run_tests():
    await asyncio.gather(test_ada(), test_bob())


asyncio.get_event_loop().run_until_complete(run_tests())
"""


class Chat:
    """A chat server that broadcasts connections, disconnections and messages.

    Without `announces_leaving` it closes all connections instead of announcing that a user
    has disconnected.
    """

    def __init__(self, *, announces_leaving: bool = True) -> None:
        self._clients: set[ServerConnection] = set()
        self._lock = threading.Lock()
        self._announces_leaving = announces_leaving

    def __call__(self, client: ServerConnection) -> None:
        assert client.request is not None
        (name,) = parse_qs(urlsplit(client.request.path).query)["name"]
        with self._lock:
            self._clients.add(client)
        self._broadcast(f"{name} has connected")
        for frame in client:
            self._broadcast(f"{name}: {json.loads(frame)['message']}")
        with self._lock:
            self._clients.remove(client)
            others = [] if self._announces_leaving else list(self._clients)
        if self._announces_leaving:
            self._broadcast(f"{name} has disconnected")
        for other in others:
            other.close(1011)

    def _broadcast(self, text: str) -> None:
        with self._lock:
            for client in self._clients:
                with suppress(ConnectionClosed):  # its own thread removes it
                    client.send(json.dumps({"message": text}))


class User:
    """A user with a folder of programs, which the user changes as the guide says."""

    def __init__(self, folder: Path, url: str, authority: Authority) -> None:
        self._folder = folder
        self._url = url
        self._certificate = authority.ca.cert_pem.bytes()

    def change_imports(self, program: str) -> str:
        """Step 1 of the guide."""
        assert "from conformance.ws import" in STEPS
        return program.replace("from pywsitest", "from conformance.ws")

    def trust_the_certificate(self, program: str) -> str:
        """Step 2 of the guide: one line, exactly as the guide prints it."""
        (line,) = re.findall(r'^ +(WSTest\("wss://localhost"\)\..*)$', STEPS, re.MULTILINE)
        (self._folder / "ca.pem").write_bytes(self._certificate)
        return program.replace('WSTest("wss://localhost")', line)

    def start_the_loop(self, program: str) -> str:
        """Step 3 of the guide."""
        old, new = re.findall(r"`(asyncio\.\S+?)\(test\.run\(\)\)`", STEPS)
        assert old in program
        return program.replace(old, new)

    def run(self, program: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the folder, with every warning as an error."""
        path = self._folder / "program.py"
        path.write_text(program.replace("wss://localhost", self._url))
        return subprocess.run(
            [sys.executable, "-W", "error", path.name],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def user(tmp_path: Path, serve: Serve, authority: Authority) -> User:
    return User(tmp_path, serve(Chat(), ssl=authority.server()), authority)


PROGRAMS = pytest.mark.parametrize("program", [JOIN, SPEAK, MEET], ids=["join", "speak", "meet"])


@PROGRAMS
def test_the_programs_pass_after_the_steps_of_the_guide(user: User, program: str) -> None:
    program = user.change_imports(program)
    done = user.run(program)
    assert done.returncode == 1, "the certificate is private, and the programs do not trust it yet"
    assert 'trust a private certificate with .with_trusted_certificate("ca.pem")' in done.stderr

    program = user.start_the_loop(user.trust_the_certificate(program))
    done = user.run(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_environment_replaces_the_line(user: User) -> None:
    user.trust_the_certificate("")
    assert "`SSL_CERT_FILE=ca.pem`" in STEPS
    done = user.run(user.start_the_loop(user.change_imports(JOIN)), SSL_CERT_FILE="ca.pem")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_that_forgets_a_broadcast_fails_the_third_program(
    tmp_path: Path, serve: Serve, authority: Authority
) -> None:
    url = serve(Chat(announces_leaving=False), ssl=authority.server())
    user = User(tmp_path, url, authority)
    program = user.start_the_loop(user.trust_the_certificate(user.change_imports(MEET)))
    done = user.run(program)
    assert done.returncode == 1
    assert "websockets.exceptions.ConnectionClosedError: received 1011" in done.stderr
    assert 'not met: {"message": "Ada has disconnected"}\n  nearest: frame ' in done.stderr
    assert "closed by the server: 1011" in done.stderr
