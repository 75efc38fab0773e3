"""Each dialect: the same text and calls, in the other API's way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mock_api.language.answer import Options
from mock_api.language.encoders.encoder import Asked
from mock_api.language.encoders.responses import RESPONSES
from mock_api.language.modifiers.dialects import DIALECTS
from mock_api.language.patterns import PATTERNS, answer, script
from mock_api.language.steps import Wait, Write


def _chunks(pattern: str) -> Iterator[dict[str, Any]]:
    for step in script(pattern, Options()).steps:
        if isinstance(step, Write) and step.data.startswith(b"data: {"):
            yield json.loads(step.data[6:])


def _deltas(pattern: str) -> list[dict[str, Any]]:
    choices = (choice for chunk in _chunks(pattern) for choice in chunk.get("choices") or ())
    return [choice.get("delta") or {} for choice in choices if not choice.get("index")]


def _text(pattern: str) -> str:
    parts: list[str] = []
    for delta in _deltas(pattern):
        content = delta.get("content")
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content)
        parts.append(content or "")
    return "".join(parts)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.word)
@pytest.mark.parametrize("pattern", [pattern.example for pattern in PATTERNS])
def test_the_text_is_the_same(dialect: Any, pattern: str) -> None:
    changed = f"{pattern}+{dialect.word}" if pattern else dialect.word
    assert _text(changed) == "".join(answer(pattern, Options()).deltas)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.word)
def test_the_call_is_the_same(dialect: Any) -> None:
    calls = [
        call for delta in _deltas(f"tools+{dialect.word}") for call in delta.get("tool_calls") or ()
    ]
    assert "".join(call["function"].get("arguments", "") for call in calls) == '{"city":"Zürich"}'
    assert calls[0]["function"]["name"] == "weather"


def test_what_each_is_known_for() -> None:
    assert all(delta["role"] == "assistant" for delta in _deltas("ollama"))
    assert next(iter(_deltas("vllm"))) == {"role": "assistant", "content": ""}
    *_, last = _deltas("vllm")
    assert last["content"].endswith("left")
    joined = [d for d in _deltas("reasoning+vllm") if d.get("content") and "reasoning_content" in d]
    assert len(joined) == 1
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in _chunks("finish:stop+sglang")]
    assert reasons == [""] * 6 + ["stop"]
    (call,) = _deltas("tools+gemini")[0]["tool_calls"]
    assert "index" not in call
    assert [c["choices"][0]["finish_reason"] for c in _chunks("tools+gemini")][-1] == "stop"
    assert _deltas("mistral")[0]["content"] == [{"type": "text", "text": "Streams"}]
    first = next(_chunks("azure"))
    assert first["choices"] == []
    assert first["prompt_filter_results"]
    steps = script("error:1+llamacpp", Options()).steps
    data = [step.data for step in steps if isinstance(step, Write)]
    assert data[-1] == b"data: [DONE]\n\n"
    assert data[-2].startswith(b"error: {")
    *_, failed = _chunks("error:1+openrouter")
    assert failed["error"]["code"] == 502
    assert failed["choices"][0]["finish_reason"] == "error"
    assert list(_chunks("deepseek"))[-1]["usage"]


def test_other_apis_and_delays_stay() -> None:
    plain = script("", Options(), encoder=RESPONSES, asked=Asked())
    assert script("ollama", Options(), encoder=RESPONSES, asked=Asked()).steps == plain.steps
    steps = script("finish:stop+ollama", Options(delay=0.5)).steps
    assert [step for step in steps if isinstance(step, Wait)] == [Wait(0.5)] * 8
