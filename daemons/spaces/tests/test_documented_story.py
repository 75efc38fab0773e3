"""The testing guide of the website as one user story.

A developer follows the "WebSocket Spaces Testing Guide" from its first terminal to its last
script: website, space, app, browser, five scenarios, load, monitoring, integration.
The app of the third terminal is written as the guide's own one: a synchronous Socket.IO
client that sends its text as `text_output`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import processes
import pytest
from processes import FOLDER, Mock, Process, add_space, finished, running, status, submit
from world import ADMIN, PASSWORD, PATIENCE

CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists():
    pytest.skip(f"no {CHROMIUM}: apt-get install chromium", allow_module_level=True)
pytest.importorskip("playwright", reason="pip install 'stream-conformance[browser]'")
pytest.importorskip("requests", reason="pip install 'stream-conformance[browser]'")

from playwright.sync_api import Page, expect, sync_playwright  # noqa: E402

MOCK_APP = """
import queue, signal, sys, time
import socketio

host, space = sys.argv[1:]
client = socketio.Client(reconnection=False)
waiting = queue.SimpleQueue()

@client.on("register_response")
def registered(answer):
    print("Registration successful!" if answer["success"] else answer["message"], flush=True)

@client.on("inference_request")
def requested(request):
    print("[REQUEST] New inference request received", flush=True)
    for file in request["payload"].get("files", ()):
        print("  File:", file["filename"], file["content_type"], flush=True)
    waiting.put(request)

def stop(*_):
    waiting.put(None)

client.on("disconnect", stop)
signal.signal(signal.SIGTERM, stop)

client.connect(host)
client.emit("register", {"space_name": space})
while (request := waiting.get()) is not None:
    began = time.monotonic()
    text = f"About {request['payload']['prompt']}"
    result = {"text_output": text, "processing_time_seconds": time.monotonic() - began}
    report = {"request_id": request["request_id"], "status": "completed", "result": result}
    client.emit("inference_result", report)
    print("[RESULT] Result sent", request["request_id"], flush=True)
client.disconnect()
"""


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        expect.set_options(timeout=PATIENCE * 1000)
        page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
        page.set_default_timeout(PATIENCE * 1000)
        yield page
        browser.close()


@pytest.fixture
def mock() -> Iterator[Mock]:
    with processes.mock_api() as opened:
        yield opened


def test_a_developer_follows_the_guide(page: Page, mock: Mock, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(processes.website(data, "--port", "0")) as website:
        url = processes.address(website)
        name, space = _setup_space(url)
        assert f"Space: {name} (ID: {space})" in _command("spaces", "--data", str(data))
        assert _command("connections", "--host", url) == "Connected spaces: none\n"

        with processes.admin(url) as admin:
            with _mock_app(url, name) as app:
                assert f"{name} ({space}): 0 requests in the queue" in _command(
                    "connections", "--host", url
                )
                _submit_in_the_browser(page, url, name, app)
                _three_requests_from_three_tabs(url, space)
                _request_with_files(admin, url)
            _disconnection_and_recovery(page, admin, url, name, space)
            _duplicate_names(admin, url)
            with _mock_app(url, name):
                _load(url, space)
        _integration(url, mock)


def _command(*arguments: str, expected: int = 0) -> str:
    """Run spaces-admin and return what it prints."""
    process = subprocess.run(
        [sys.executable, str(FOLDER / "spaces-admin"), *arguments],
        env={**os.environ, "SPACES_ADMIN_PASSWORD": ADMIN.password},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert process.returncode == expected, process.stderr
    return process.stdout + process.stderr


@contextmanager
def _mock_app(url: str, space: str) -> Iterator[Process]:
    with running(Process("-c", MOCK_APP, url, space)) as app:
        app.until("Registration successful!")
        yield app
        assert app.stop() == 0


def _setup_space(url: str) -> tuple[str, str]:
    """Step 2: the command creates a space and prints the command of step 3."""
    printed = _command("setup-space", "--host", url)
    name = re.search(r"✓ Space created: (TestSpace_\d+)\n", printed)
    space = re.search(rf"Page: {url}/ai_project/(\S+)\n", printed)
    assert name is not None
    assert space is not None
    assert f"python app.py --host {url} --spaces {name[1]}" in printed
    return name[1], space[1]


def _submit_in_the_browser(page: Page, url: str, name: str, app: Process) -> None:
    """Step 4 and scenario 1: log in, open the space, submit, read the result."""
    page.goto(f"{url}/login")
    page.locator("[name=username]").fill(ADMIN.name)
    page.locator("[name=password]").fill(ADMIN.password)
    page.locator("main button").click()
    page.get_by_role("link", name=name).click()
    expect(page.locator("#status")).to_have_text("✓ Connected")
    expect(page.locator("#size")).to_have_text("0")
    page.locator("[name=prompt]").fill("a poem about cats")
    page.locator("#send").click()
    app.until("[REQUEST] New inference request received")
    result = page.locator(".result").first
    expect(result.locator(".text")).to_have_text("About a poem about cats")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def _three_requests_from_three_tabs(url: str, space: str) -> None:
    """Scenario 2: all requests arrive, and each user gets the own result."""

    def tab(number: int) -> str:
        with processes.admin(url) as client:
            result = finished(client, submit(client, space, f"cat {number}"))["result"]
            return str(result["text_output"])

    with ThreadPoolExecutor(3) as tabs:
        assert list(tabs.map(tab, range(3))) == [f"About cat {number}" for number in range(3)]


def _request_with_files(admin: httpx.Client, url: str) -> None:
    """Scenario 3: the app receives the description of an audio file."""
    space = add_space(admin, "Files", ws_enable_audio="on", ws_enable_video="on")
    with _mock_app(url, "Files") as app:
        reply = admin.post(
            f"/websockets/submit/{space}",
            data={"prompt": "this sound"},
            files={"audio_file": ("cat.wav", b"RIFF", "audio/wav")},
        )
        app.until("File: cat.wav audio/wav")
        result = finished(admin, reply.json()["request_id"])
        assert result["result"]["text_output"] == "About this sound"


def _disconnection_and_recovery(
    page: Page, admin: httpx.Client, url: str, name: str, space: str
) -> None:
    """Scenario 4: the app stops, the page shows it, a request fails, the app returns."""
    expect(page.locator("#status")).to_have_text("✗ Not connected")
    expect(page.locator("[name=prompt]")).to_be_disabled()
    reply = admin.post(f"/websockets/submit/{space}", data={"prompt": "anything"})
    assert reply.status_code == 503
    assert "remote app not connected" in reply.json()["error"]
    with _mock_app(url, name):
        expect(page.locator("#status")).to_have_text("✓ Connected")
        expect(page.locator("[name=prompt]")).to_be_enabled()
        request = submit(admin, space, "anything")
        assert finished(admin, request)["status"] == "completed"
    shown = json.loads(_command("request", request, "--host", url))
    assert shown["result"]["text_output"] == "About anything"


def _duplicate_names(admin: httpx.Client, url: str) -> None:
    """Scenario 5: the app gets the reason, and its connection ends."""
    for _ in range(2):
        add_space(admin, "DuplicateName")
    with running(Process("-c", MOCK_APP, url, "DuplicateName")) as app:
        app.until('Multiple spaces with name "DuplicateName" found')
        assert app.wait() == 0


def _load(url: str, space: str) -> None:
    """Test suite 2: ten requests of one user, five at a time."""
    fields = {"username": "testuser", "password": PASSWORD}
    options = {"base_url": url, "timeout": PATIENCE, "trust_env": False}
    with httpx.Client(**options) as client:  # type: ignore[arg-type]
        assert client.post("/register", data=fields).status_code == 302

    def send(number: int) -> bool:
        with httpx.Client(**options) as client:  # type: ignore[arg-type]
            assert client.post("/login", data=fields).status_code == 302
            prompt = {"prompt": f"Request {number}"}
            reply = client.post(f"/websockets/submit/{space}", data=prompt)
            return bool(reply.json().get("success"))

    with ThreadPoolExecutor(max_workers=5) as executor:
        assert sum(executor.map(send, range(10))) == 10


def _integration(url: str, mock: Mock) -> None:
    """The full end-to-end test, with the app of this project."""
    with processes.admin(url) as session:
        space = add_space(session, "E2ETest", description="E2E Test", cover="default.png")
        with running(processes.app(url, mock.base, "E2ETest")) as app:
            for line in (
                "Socket.IO connection established",
                "Sent registration for space: E2ETest",
                "Registration successful!",
                f"Space ID: {space}",
                "Request processor started",
            ):
                app.until(line)
            request = submit(session, space, "Test")
            result = finished(session, request)["result"]
            assert result["text"]
            assert result["processing_time_seconds"] >= 0
            assert result["timestamp"]
            assert status(session, request)["status"] == "completed"


def test_the_command_explains_its_failures(tmp_path: Path) -> None:
    assert "expected a folder with spaces.db" in _command(
        "spaces", "--data", str(tmp_path), expected=1
    )
    with running(processes.website(tmp_path / "data", "--port", "0")) as website:
        url = processes.address(website)
        other = ("--admin", "other", "--host", url)
        assert "does not accept the password of 'other'" in _command(
            "setup-space", *other, expected=1
        )
        fields = {"username": "other", "password": ADMIN.password}
        httpx.post(f"{url}/register", data=fields, timeout=PATIENCE, trust_env=False)
        assert "not an admin's" in _command("setup-space", *other, expected=1)
        assert "answered 404" in _command("request", "0" * 36, "--host", url, expected=1)
    assert "cannot reach" in _command("request", "0", "--host", url, expected=1)
