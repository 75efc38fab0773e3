"""`conformance load`, against the backends as a user starts them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FAULTY = Path(__file__).parents[2] / "faulty"

Conformance = Callable[..., "subprocess.CompletedProcess[str]"]


def report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("profile", "package"),
    [("rpc-chat", "openai"), ("agent-chat", "langgraph"), ("spaces", "socketio")],
)
def test_every_client_is_served(conformance: Conformance, profile: str, package: str) -> None:
    pytest.importorskip(package, reason=f"pip install 'stream-conformance[{profile}]'")
    done = conformance(
        "load", f"--profile={profile}", "--clients=4", "--requests=2", "--format=json"
    )
    found = report(done)
    assert done.returncode == 0, done.stdout
    assert (found["completed"], found["failed"], found["failures"]) == (4, 0, [])
    assert 0 < found["first_token"]["p50"] <= found["last_token"]["p50"] <= found["seconds"]
    assert found["first_token"]["p50"] <= found["first_token"]["worst"]
    if profile == "spaces":
        assert found["tokens"] == 0
    else:
        # 18 deltas an answer, 20 ms apart: no client can get them faster than the model sends.
        assert found["tokens"] == 4 * 2 * 18
        assert found["last_token"]["p50"] - found["first_token"]["p50"] > 0.25
        assert found["client_tokens_per_second"]["p50"] < 60


def test_a_table_for_a_human(conformance: Conformance) -> None:
    pytest.importorskip("openai")
    done = conformance("load", "--profile=rpc-chat", "--clients=3", "--pattern=short")
    assert done.returncode == 0, done.stderr
    assert "3 clients\n  completed 3, failed 0\n" in done.stdout
    assert "p50       p90       p99     worst" in done.stdout
    for label in ("first token, s", "last token, s", "tokens/s"):
        assert f"\n  {label} " in done.stdout


def test_clients_that_are_not_answered_have_failed(conformance: Conformance) -> None:
    pytest.importorskip("openai")
    done = conformance(
        "load", str(FAULTY / "rpc-chat"), "--variant=silent", "--clients=3", "--timeout=1"
    )
    assert done.returncode == 1
    assert "completed 0, failed 3" in done.stdout
    assert "3 clients failed: " in done.stdout


def test_a_website_without_the_admin_is_a_plain_error(conformance: Conformance) -> None:
    pytest.importorskip("socketio")
    done = conformance("load", str(FAULTY / "spaces"), "--variant=silent", "--timeout=1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "/login" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--profile"),
        (("--profile=handoff",), "no profile that can be put under load 'handoff'"),
        (("daemons/go",), "'handoff'"),
        (("--profile=rpc-chat", "--variant=odd"), "no variant 'odd'"),
        (("--profile=rpc-chat", "--url=http://127.0.0.1:1/"), "no URL scheme 'http'"),
        (("daemons/rpc-chat", "daemons/agent-chat"), "not 2"),
    ],
)
def test_used_wrongly(conformance: Conformance, arguments: tuple[str, ...], said: str) -> None:
    done = conformance("load", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_nobody_is_there(conformance: Conformance) -> None:
    done = conformance("load", "--profile=rpc-chat", "--url=ws://127.0.0.1:1/ws/rpc")
    assert done.returncode == 1
    assert "cannot be connected to" in done.stderr
