"""Where the pattern is found, and the token's grammar."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mock_api.language.selection import Selection, select
from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.mock import Mock, chat


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def test_header_wins_over_model_and_model_over_prompt() -> None:
    body = {"model": "test:long;t=m", "messages": [_user("[[test:short;t=p]]")]}
    assert select("unicode;t=h", body) == Selection("header", "unicode", "h")
    assert select(None, body) == Selection("model", "long", "m")
    body["model"] = "gpt"
    assert select(None, body) == Selection("prompt", "short", "p")


def test_an_empty_header_is_a_header() -> None:
    assert select("", {"model": "test:long"}) == Selection("header", "", None)


@pytest.mark.parametrize(
    ("content", "pattern", "token"),
    [
        ("[[test:short]]", "short", None),
        ("before [[test:abort:5;t=A_b-9]] after", "abort:5", "A_b-9"),
        ("[[test:;t=x]]", "", "x"),
        ("[[test:]]", "", None),
        ("two\nlines\n[[test:short;t=x]]", "short", "x"),
        ([{"type": "text", "text": "[[test:short;t=x]]"}], "short", "x"),
        (
            [
                {"type": "image_url", "image_url": {"url": "x"}},
                {"type": "text", "text": "a"},
                {"type": "text", "text": "b [[test:long]] c"},
            ],
            "long",
            None,
        ),
    ],
)
def test_directives(content: Any, pattern: str, token: str | None) -> None:
    found = select(None, {"messages": [_user(content)]})
    assert found == Selection("prompt", pattern, token)


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"messages": "[[test:short]]"},
        {"messages": [_user(None), "x", 5]},
        {"messages": [_user("[test:short]"), {"role": "assistant", "content": "[[test:short]]"}]},
        {"messages": [_user("[[test:short]]"), _user("plain")]},
        {"messages": [{"role": "system", "content": "[[test:short]]"}]},
        {"messages": [_user([{"type": "text", "text": 5}])]},
        {"model": 5},
        {"model": "tested"},
    ],
)
def test_requests_without_a_pattern(body: dict[str, Any] | None) -> None:
    assert select(None, body) == Selection("none", "", None)


def test_only_the_last_user_message_counts() -> None:
    messages = [
        _user("[[test:long]]"),
        {"role": "assistant", "content": "…"},
        _user("[[test:short]]"),
        {"role": "assistant", "content": "prefill"},
    ]
    assert select(None, {"messages": messages}).pattern == "short"


@pytest.mark.parametrize("parameter", ["", "t", "t=", "x=1", "t=é", "t=a b", "t=" + "x" * 65])
def test_a_malformed_token_is_a_fault(parameter: str) -> None:
    found = select(f"short;{parameter}", None)
    assert found.token is None
    assert found.fault is not None
    assert "t=TOKEN" in found.fault


@pytest.mark.parametrize("source", ["header", "model", "prompt", "none"])
def test_the_journal_shows_where_it_was_found(mock: Mock, h1: H1Client, source: str) -> None:
    token = f"where-{source}"
    pattern = f"finish:length;t={token}"
    bodies = {
        "header": chat(),
        "model": chat(model=f"test:{pattern}"),
        "prompt": chat(prompt=f"say [[test:{pattern}]]"),
        "none": chat(prompt="plain"),
    }
    before = mock.mark()
    headers = [("X-Test-Pattern", pattern)] if source == "header" else []
    response = h1.chat(bodies[source], headers)
    (entry,) = mock.entries(after=before)
    assert entry["source"] == source
    assert entry["token"] == (None if source == "none" else token)
    assert entry["pattern"] == (None if source == "none" else "finish:length")
    applied = response.headers["x-test-pattern-applied"]
    assert applied == ("default" if source == "none" else "finish:length")
    assert json.loads(entry["body"]) == json.loads(bodies[source])
