"""`conformance load`, against the backends as a user starts them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.load.arrivals import Arrivals
from conformance.load.goal import Goal
from conformance.profiles.load_client import Answered

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
        assert found["last_token"]["p50"] > 0.3


def test_a_gateway_is_measured_event_by_event(conformance: Conformance) -> None:
    done = conformance(
        "load", "daemons/gateway", "--clients=4", "--format=json", "--slo=e2e=60s,added_p99=60s"
    )
    found = report(done)
    assert done.returncode == 0, done.stdout
    assert (found["completed"], found["failed"], found["chunks"]) == (4, 0, 4 * 18)
    assert 0 < found["added_ms"]["p50"] <= found["added_ms"]["p99.9"]
    assert found["last_token"]["p50"] > 0.3
    assert 0 <= found["between_tokens_ms"]["p50"] <= found["between_tokens_ms"]["p99.9"]
    assert found["good"] == 4
    assert found["server"]["rss"] >= found["server"]["rss_idle"] > 1 << 20
    assert found["server"]["descriptors"] > 4


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_an_open_loop_begins_at_its_rate(conformance: Conformance, arrivals: str) -> None:
    done = conformance(
        "load", "daemons/gateway", "--rate=20", "--duration=0.5", f"--arrivals={arrivals}",
        "--pattern=short", "--format=json",
    )  # fmt: skip
    found = report(done)
    assert done.returncode == 0, done.stdout
    begun = len(list(Arrivals(20, 0.5, arrivals == "poisson", 1)))
    assert (found["clients"], found["completed"]) == (begun, begun)
    assert begun == 10 or arrivals == "poisson"


def test_a_goal_counts_the_answers_that_keep_it() -> None:
    goal = Goal.read("ttft=500ms,added_p99=20ms")
    assert goal.met(Answered(0.4, 1.0, 3, added=(0.001, 0.02)))
    assert not goal.met(Answered(0.6, 1.0, 3, added=(0.001, 0.02)))
    assert not goal.met(Answered(0.4, 1.0, 3, added=(0.001, 0.03)))


def test_an_altered_answer_is_a_failure(conformance: Conformance) -> None:
    done = conformance(
        "load", str(FAULTY / "handoff"), "--variant=canned", "--clients=2", "--timeout=5"
    )
    assert done.returncode == 1
    assert "completed 0, failed 2" in done.stdout


def test_a_table_for_a_human(conformance: Conformance) -> None:
    pytest.importorskip("openai")
    done = conformance("load", "--profile=rpc-chat", "--clients=3", "--pattern=drip:5")
    assert done.returncode == 0, done.stderr
    assert "3 clients\n  completed 3, failed 0\n" in done.stdout
    assert "p50       p90       p99     p99.9     worst" in done.stdout
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
        (("--profile=handof",), "no profile that can be put under load 'handof'"),
        (("daemons/gateway", "--slo=ttft=soon"), "expected NAME=TIME, as in ttft=500ms"),
        (("daemons/gateway", "--slo=tfft=1s"), "did you mean 'ttft'"),
        (("daemons/gateway", "--rate=0"), "--rate"),
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
