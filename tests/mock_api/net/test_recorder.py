"""Recording an API, and playing the recording."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.mock_api.clients.mock import PATIENCE, Mock

Starter = Callable[..., Mock]


@pytest.fixture
def recorder(mock: Mock, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A recorder of the mock itself: its base URL, and the file."""
    path = tmp_path / "recording.json"
    command = [sys.executable, "-m", "mock_api", "--record", str(path)]
    command += ["--upstream", mock.ready["http"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["http"], path
        process.terminate()
        process.wait(PATIENCE)


def _ask(base: str, pattern: str, *, stream: bool = True) -> httpx.Response:
    body = {
        "model": f"test:{pattern}" if pattern else "m",
        "stream": stream,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    headers = {"authorization": "Bearer sk-secret"}
    return httpx.post(f"{base}/chat/completions", json=body, headers=headers, timeout=PATIENCE)


def test_a_recording_is_played(recorder: tuple[str, Path], start_mock: Starter) -> None:
    base, path = recorder
    streamed = _ask(base, "finish:length+drip:30")
    whole = _ask(base, "tools", stream=False)
    failed = _ask(base, "status:429")
    assert failed.status_code == 429
    text = path.read_text()
    assert "sk-secret" not in text
    waits = [
        step["wait"] for step in json.loads(text)["answers"][0]["script"]["steps"] if "wait" in step
    ]
    assert sum(waits) >= 0.2

    replay = start_mock("--replay", path).ready["http"].replace("/v1", "")
    for answer, pattern, stream in (
        (streamed, "finish:length+drip:30", True),
        (whole, "tools", False),
        (failed, "status:429", True),
    ):
        # The model names a pattern; a replaying mock takes such a request as recorded, too.
        again = _ask(f"{replay}/v1", pattern, stream=stream)
        assert again.status_code == answer.status_code
        assert again.content == answer.content
        assert again.headers["content-type"] == answer.headers["content-type"]
    missing = _ask(f"{replay}/v1", "", stream=True)
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "not_recorded"


def test_a_cut_answer_is_cut_again(recorder: tuple[str, Path], start_mock: Starter) -> None:
    base, path = recorder
    with pytest.raises(httpx.RemoteProtocolError):
        _ask(base, "fin:3")
    replay = start_mock("--replay", path).ready["http"]
    with pytest.raises(httpx.RemoteProtocolError):
        _ask(replay, "fin:3")


def test_an_api_out_of_reach_is_a_502(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mock_api", "--record", str(tmp_path / "r.json")]
    command += ["--upstream", "http://127.0.0.1:9/v1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        base = json.loads(process.stdout.readline())["http"]
        response = _ask(base, "")
        process.terminate()
    assert response.status_code == 502
    assert "127.0.0.1:9" in response.json()["error"]["message"]


def test_a_wrong_url_is_one_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mock_api", "--record", str(tmp_path / "r.json")]
    done = subprocess.run(
        [*command, "--upstream", "localhost:1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "http://HOST:PORT" in done.stderr
