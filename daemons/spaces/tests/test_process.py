"""The website as a process: start, stop and restart."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import httpx
import pytest
from spaces_website.config import parse_args
from world import ADMIN, PATIENCE

FOLDER = Path(__file__).parent.parent
Start = Callable[..., "Website"]


class Website:
    """A website, started as a user starts it."""

    def __init__(self, data: Path, *options: str) -> None:
        command = [sys.executable, str(FOLDER / "spaces-website"), "--data", str(data), *options]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            env={**os.environ, "SPACES_ADMIN_PASSWORD": ADMIN.password},
            text=True,
        )
        assert self.process.stderr is not None
        self.first_line = self.process.stderr.readline()
        self.url = self.first_line.split()[-1]

    def stop(self, number: int) -> int:
        """End the process and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def get(self, path: str) -> httpx.Response:
        """Get a page, once the website answers."""
        transport = httpx.HTTPTransport(retries=15)  # its pauses double, 80 s in all
        with httpx.Client(transport=transport, trust_env=False, timeout=PATIENCE) as client:
            return client.get(self.url + path)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started = []

    def begin(*options: str) -> Website:
        website = Website(tmp_path / "data", *options)
        started.append(website)
        return website

    yield begin
    for website in started:
        website.process.kill()
        website.process.wait()
        assert website.process.stderr is not None
        website.process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_sockets_with_1001_and_ends_with_0(start: Start, number: int) -> None:
    website = start("--port", "0")
    website.get("/")

    async def story() -> None:
        address = f"{website.url}/socket.io/?EIO=4&transport=websocket"
        async with aiohttp.ClientSession() as session, session.ws_connect(address) as ws:
            assert (await ws.receive_str()).startswith("0{")
            website.process.send_signal(number)
            closing = await asyncio.wait_for(ws.receive(), PATIENCE)
            assert closing.type is aiohttp.WSMsgType.CLOSE
            assert closing.data == 1001

    asyncio.run(story())
    assert website.process.wait(PATIENCE) == 0


def test_sessions_and_spaces_are_kept_after_a_kill(start: Start) -> None:
    website = start("--port", "0", "--admin", "admin")
    website.get("/")
    with httpx.Client(base_url=website.url, trust_env=False, timeout=PATIENCE) as admin:
        fields = {"username": ADMIN.name, "password": ADMIN.password}
        assert admin.post("/login", data=fields).status_code == 302
        form = {"name": "Poet", "card_type": "websockets"}
        assert admin.post("/admin/space/add", data=form).status_code == 302
        cookies = dict(admin.cookies)
    assert website.stop(signal.SIGKILL) == -signal.SIGKILL
    website = start("--port", "0")
    website.get("/")
    with httpx.Client(
        base_url=website.url, trust_env=False, cookies=cookies, timeout=PATIENCE
    ) as admin:
        body = admin.get("/admin/websockets/status").json()
    assert [space["space_name"] for space in body["all_spaces"]] == ["Poet"]


def test_the_website_starts_without_an_account(start: Start) -> None:
    website = start("--port", "0")
    website.get("/")
    for password in ("admin123", "admin", "", "password"):
        fields = {"username": "admin", "password": password}
        reply = httpx.post(f"{website.url}/login", data=fields, trust_env=False, timeout=PATIENCE)
        assert reply.status_code == 200


def test_an_account_that_becomes_the_admins_loses_password_and_sessions(start: Start) -> None:
    website = start("--port", "0")
    website.get("/")
    early = {"username": "admin", "password": "registered before"}
    with httpx.Client(base_url=website.url, trust_env=False, timeout=PATIENCE) as squatter:
        squatter.post("/register", data=early)
        assert squatter.post("/login", data=early).status_code == 302
        cookies = dict(squatter.cookies)
    website.stop(signal.SIGTERM)
    website = start("--port", "0", "--admin", "admin")
    website.get("/")
    with httpx.Client(
        base_url=website.url, trust_env=False, cookies=cookies, timeout=PATIENCE
    ) as squatter:
        assert squatter.get("/admin/").headers["location"] == "/login"
        assert squatter.post("/login", data=early).status_code == 200
        right = {"username": "admin", "password": ADMIN.password}
        assert squatter.post("/login", data=right).status_code == 302
        assert squatter.get("/admin/").status_code == 200


def test_an_occupied_port_is_a_plain_error(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        website = start("--port", str(taken.getsockname()[1]))
        assert website.first_line.startswith("spaces-website: cannot listen on 127.0.0.1:")
        assert website.process.wait(PATIENCE) == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--port", "70000"],
        ["--variant", "other"],
        ["--quota-standard", "-1"],
        ["--request-timeout", "0"],
        ["--request-timeout", "nan"],
        ["--trusted-origin", "example.org"],
        ["--admin", "root"],
    ],
)
def test_wrong_options_are_refused(options: list[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        parse_args(options, {})
    assert refusal.value.code == 2
