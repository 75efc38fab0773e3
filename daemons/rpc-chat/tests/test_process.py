"""The process: options, the listener, the log, and the end."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, PATIENCE, PROGRAM, Backend, Mock
from rpc_chat import config, options
from websockets.sync.client import ClientConnection, connect


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM, "--data", str(folder), *arguments],
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def receive(client: ClientConnection) -> dict[str, Any]:
    message = json.loads(client.recv(PATIENCE))
    assert isinstance(message, dict)
    return message


def answer(client: ClientConnection, prompt: str) -> list[dict[str, Any]]:
    client.send(json.dumps({"prompt": prompt}))
    messages = [receive(client)]
    while messages[-1]["event"] != "chat_end":
        messages.append(receive(client))
    return messages


def test_a_signal_closes_connections_with_1001_and_ends_with_0(
    start: Callable[..., Backend],
) -> None:
    backend = start()
    with connect(backend.url, proxy=None) as client:
        assert [receive(client)["event"] for _ in range(2)] == ["system_update", "sync_state"]
        backend.process.send_signal(signal.SIGTERM)
        for _ in client:
            pass
        assert client.close_code == 1001
    assert backend.end() == ""


def test_an_occupied_port_is_a_plain_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = run(tmp_path, "--port", str(port))
    assert process.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--variant", "odd", "invalid choice"),
        ("--model-timeout", "0", "expected a decimal number above 0"),
        ("--stage", "odd/ranger", "expected a world (darkwood, harbor), found 'odd'"),
        ("--stage", "darkwood", "expected a character (ranger, scholar), found ''"),
        ("--stage", "darkwood/ranger/odd", "expected a rule (concise, second-person)"),
        ("--config", "missing.yaml", "cannot read missing.yaml: No such file"),
        ("--log-level", "loud", "invalid choice"),
    ],
)
def test_a_wrong_option_is_a_plain_error(
    capsys: pytest.CaptureFixture[str], option: str, value: str, expected: str
) -> None:
    with pytest.raises(SystemExit) as end:
        options.parse([option, value])
    assert end.value.code == 2
    printed = capsys.readouterr().err
    assert option in printed
    assert expected in printed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models: [", "expected YAML"),
        ("[]", "expected a mapping"),
        ("modles: []", "expected default_model, models, found 'modles'"),
        ("models: {}", "models: expected a list"),
        ("models: [a]", "models, entry 1: expected a mapping"),
        ("models: [{name: a}]", "models, entry 1: expected an id"),
        ("models: [{id: a, prompt_price: free}]", "prompt_price: expected a number, found 'free'"),
        ("models: [{id: 5}]", "id: expected text, found 5"),
        ("models: [{id: a, price: 5}]", "found 'price'"),
        ("default_model: 5", "default_model: expected text"),
    ],
)
def test_a_wrong_configuration_says_what_is_expected(
    tmp_path: Path, text: str, expected: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(config.ConfigError) as failure:
        config.load(path)
    assert expected in str(failure.value)


def test_a_configuration_names_the_models(
    start: Callable[..., Backend], mock: Mock, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "default_model: large\n"
        "models:\n"
        "  - {id: large, prompt_price: 3}\n"
        f"  - {{id: elsewhere, api_base: '{mock.base}/nowhere', api_key_variable: HOME}}\n"
    )
    backend = start("--config", str(path), "--stage", "darkwood/scholar/concise")
    with connect(backend.url, proxy=None) as client:
        receive(client)
        state = receive(client)["payload"]["metadata"]
        assert state["model"] == "large"
        assert [model["id"] for model in state["available_models"]] == ["large", "elsewhere"]
        assert (state["character_id"], state["active_rules"]) == ("scholar", ["concise"])
        assert answer(client, "Hello")[-1]["payload"]["metadata"]["total_tokens"] > 0
        client.send("/model elsewhere")
        receive(client)
        assert [message["event"] for message in answer(client, "Hello")] == ["error", "chat_end"]


def test_neither_client_nor_log_see_the_key(start: Callable[..., Backend], mock: Mock) -> None:
    body = json.dumps({"error": {"message": f"wrong key {KEY}", "code": "invalid_api_key"}})
    headers = {"content-type": "application/json"}
    refusal = mock.script(
        "refusal", {"status": 401, "headers": headers, "steps": [{"write": body}]}
    )
    backend = start("--stage", "darkwood/ranger", "--log-level", "debug")
    with connect(backend.url, proxy=None) as client:
        receive(client), receive(client)
        (error, _) = answer(client, f"Hello {refusal}")
    assert "wrong key [key]" in error["payload"]["content"]
    log = backend.end()
    assert re.search(r"WARNING: the model failed: AuthenticationError: .*wrong key \[key\]", log)
    assert KEY not in log


def test_an_answer_that_ends_at_a_limit_is_kept_and_says_so(
    start: Callable[..., Backend], mock: Mock
) -> None:
    steps = [{"delta": "Once"}, {"finish": "length"}, {"done": True}]
    script = mock.script("limit", {"steps": steps})
    backend = start("--stage", "harbor/ranger")
    with connect(backend.url, proxy=None) as client:
        receive(client)
        session = receive(client)["payload"]["metadata"]["session_id"]
        end = answer(client, f"Hello {script}")[-1]
        assert end["payload"]["metadata"] == {"total_tokens": 1, "finish_reason": "length"}
        client.send(f"/session continue {session}")
        history = receive(client)["payload"]["metadata"]["history"]
        assert [message["role"] for message in history] == ["user", "assistant"]
