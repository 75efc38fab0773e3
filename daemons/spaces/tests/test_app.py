"""The remote app between a real website and the mock API, all three as processes."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import processes
import pytest
from processes import Mock, Process, add_space, finished, running, status, submit


@dataclass(frozen=True)
class Stage:
    """A website with a space and an admin, and the mock API."""

    mock: Mock
    website: Process
    url: str
    admin: httpx.Client
    space: str

    def app(self, name: str = "Poet") -> Process:
        return processes.app(self.url, self.mock.base, name)


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with processes.mock_api() as opened:
        yield opened


@pytest.fixture
def stage(mock: Mock, tmp_path: Path) -> Iterator[Stage]:
    with running(processes.website(tmp_path, "--port", "0")) as website:
        url = processes.address(website)
        with processes.admin(url) as admin:
            yield Stage(mock, website, url, admin, add_space(admin, "Poet"))


def test_the_models_answer_is_the_result(stage: Stage) -> None:
    with running(stage.app()) as app:
        app.until("Registration successful")
        prompt = "  Ein Gedicht über\nKatzen 🐈 [[test:;t=answer]] "
        request = submit(stage.admin, stage.space, prompt)
        app.until(f"Result sent: completed {request}")
        app.until("Queue size: 0")
        result = finished(stage.admin, request)["result"]
        (entry,) = stage.mock.wait("answer", **{"for": "ended"})
        asked = json.loads(base64.b64decode(entry["body"]))
        assert asked["messages"] == [{"role": "user", "content": prompt}]
        assert asked["stream"] is True
        chunks = [json.loads(event["data"]) for event in entry["events"][:-1]]
        choices = [choice for chunk in chunks for choice in chunk["choices"]]
        text = "".join(choice["delta"].get("content", "") for choice in choices)
        assert result["text"] == text
        assert result["processing_time_seconds"] >= 0
        assert app.stop() == 0


@pytest.mark.parametrize(
    ("pattern", "explained"),
    [
        ("abort:3", "The model's answer broke off"),
        ("status:500", "The model answered with status 500"),
        ("status:401", "The model answered with status 401"),
        ("error:3", "The model's answer broke off"),
    ],
)
def test_a_failure_is_reported_and_the_next_request_works(
    stage: Stage, pattern: str, explained: str
) -> None:
    with running(stage.app()) as app:
        app.until("Registration successful")
        bad = submit(stage.admin, stage.space, f"[[test:{pattern}]]")
        good = submit(stage.admin, stage.space, "Hello")
        app.until(f"Result sent: failed {bad}")
        app.until(f"Result sent: completed {good}")
        assert finished(stage.admin, good)["status"] == "completed"
    seen = status(stage.admin, bad)
    assert (seen["status"], seen["result"]["error"]) == ("failed", explained)
    assert "sk-t" not in json.dumps(seen)


def test_requests_are_processed_one_after_the_other(stage: Stage) -> None:
    with running(stage.app()) as app:
        app.until("Registration successful")
        first = submit(stage.admin, stage.space, "[[test:stall:2;t=one]]")
        second = submit(stage.admin, stage.space, "[[test:;t=two]]")
        stage.mock.wait("one", events=2)
        assert stage.mock.wait("one")[0]["end"] == "running"
        assert status(stage.admin, second)["status"] == "queued"
        assert status(stage.admin, first)["status"] == "processing"


def test_a_stopped_app_ends_the_models_stream_and_a_new_one_begins_again(stage: Stage) -> None:
    with running(stage.app()) as app:
        app.until("Registration successful")
        request = submit(stage.admin, stage.space, "[[test:stall:2;t=left]]")
        stage.mock.wait("left", events=2)
        assert app.stop(signal.SIGINT) == 0
    (entry,) = stage.mock.wait("left", **{"for": "ended"})
    assert entry["end"] == "client_gone"
    with running(stage.app()) as app:
        app.until("'prompt': '[[test:stall:2;t=left]]'")
        stage.mock.wait("left", after=entry["id"], events=2)
        assert status(stage.admin, request)["status"] == "processing"


def test_the_app_reconnects_after_a_restart_of_the_website(stage: Stage, tmp_path: Path) -> None:
    port = stage.url.rsplit(":", 1)[1]
    with running(stage.app()) as app:
        app.until("Registration successful")
        request = submit(stage.admin, stage.space, "[[test:stall:1;t=again]]")
        stage.mock.wait("again", events=1)
        stage.website.process.kill()
        stage.website.wait()
        app.until("Connection lost")
        (entry,) = stage.mock.wait("again", **{"for": "ended"})
        assert entry["end"] == "client_gone"
        with running(processes.website(tmp_path, "--port", port)) as website:
            processes.address(website)
            app.until("Registration successful")
            app.until("t=again")
            stage.mock.wait("again", after=entry["id"], events=1)
            assert status(stage.admin, request)["status"] == "processing"
            assert app.stop() == 0


def test_a_refused_app_says_why_and_exits(stage: Stage) -> None:
    add_space(stage.admin, "Twice")
    add_space(stage.admin, "Twice")
    for name, reason in (
        ("Twice", 'Multiple spaces with name "Twice" found'),
        ("Unknown", 'Space "Unknown" not found'),
    ):
        with running(stage.app(name)) as app:
            app.until(reason)
            assert app.wait() == 1
    with running(stage.app()) as first:
        first.until("Registration successful")
        with running(stage.app()) as second:
            second.until("Space already has a connected app")
            assert second.wait() == 1


def chunk(content: object, finish: str | None = None) -> str:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n"


PARTS = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
DIALECTS = {
    "an empty finish_reason": ([chunk("a", "")], "failed", "a"),
    "no finish_reason": ([chunk("a"), "data: [DONE]\n\n"], "completed", "a"),
    "empty events": (["data:\n\n", ": ping\n\n", chunk("a", "stop")], "completed", "a"),
    "a list of parts": ([chunk(PARTS, "stop")], "completed", "ab"),
    "content of another type": ([chunk("a"), chunk(5, "stop")], "failed", "a"),
    "an error field": ([chunk("a"), "error: no\n\n", "data: [DONE]\n\n"], "failed", "a"),
    "an error next to choices": (
        [chunk("a"), 'data: {"error": "no", "choices": []}\n\n', "data: [DONE]\n\n"],
        "failed",
        "a",
    ),
}


def test_the_dialects_of_apis(stage: Stage) -> None:
    with running(stage.app()) as app:
        app.until("Registration successful")
        for number, (case, (parts, end, text)) in enumerate(DIALECTS.items()):
            directive = stage.mock.script(f"dialect{number}", *parts)
            seen = finished(stage.admin, submit(stage.admin, stage.space, directive))
            assert (seen["status"], seen["result"]["text"]) == (end, text), case
            assert ("error" in seen["result"]) == (end == "failed"), case


def test_an_answer_that_ends_at_a_limit_says_so(stage: Stage) -> None:
    with running(stage.app()) as app:
        app.until("Registration successful")
        directive = stage.mock.script("limit", chunk("a", "length"))
        result = finished(stage.admin, submit(stage.admin, stage.space, directive))["result"]
        assert (result["text"], result["finish_reason"]) == ("a", "length")
