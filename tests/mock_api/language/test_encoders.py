"""One answer, in the form of each API: its events, and its one object."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from mock_api.app import ENCODERS
from mock_api.language.answer import Options
from mock_api.language.encoders.encoder import Asked, Encoder
from mock_api.language.encoders.messages import MESSAGES
from mock_api.language.encoders.responses import RESPONSES
from mock_api.language.patterns import PATTERNS, answer, script
from mock_api.language.steps import Stall, Write
from tests.mock_api.clients.mock import Mock
from tests.mock_api.clients.raw_http import post, typed_events

BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "/v1/completions": {"prompt": "Hi"},
    "/v1/responses": {"input": "Hi"},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9},
}
EXAMPLES = [pattern.example for pattern in PATTERNS]


def _texts(encoder: Encoder, value: dict[str, Any]) -> str:
    """The text of choice 0 of a whole answer."""
    match encoder.name:
        case "responses":
            items = [item for item in value["output"] if item["type"] == "message"]
            return "".join(part["text"] for item in items for part in item["content"])
        case "messages":
            return "".join(block.get("text", "") for block in value["content"])
        case "completions":
            return str(value["choices"][0]["text"])
    return value["choices"][0]["message"]["content"] or ""


def _streamed(encoder: Encoder, events: tuple[bytes, ...]) -> str:
    """The text of choice 0 that the deltas say."""
    text = ""
    for event in events:
        data = event.partition(b"data: ")[2]
        if data == b"[DONE]\n\n":
            continue
        value = json.loads(data)
        if encoder.name == "responses":
            text += value["delta"] if value["type"] == "response.output_text.delta" else ""
        elif encoder.name == "messages":
            text += value.get("delta", {}).get("text", "")
        else:
            for choice in value.get("choices", ()):
                if choice.get("index") == 0:
                    said = choice.get("text") or (choice.get("delta") or {}).get("content")
                    text += said or ""
    return text


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda each: each.name)
@pytest.mark.parametrize("pattern", EXAMPLES)
def test_both_forms_say_the_same(encoder: Encoder, pattern: str) -> None:
    said = answer(pattern, Options())
    expected = "".join(said.deltas)
    assert _streamed(encoder, encoder.events(said, Asked())) == expected
    assert _texts(encoder, encoder.whole(said, Asked())) == expected


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda each: each.name)
def test_patterns_and_modifiers_work_on_every_way(mock: Mock, encoder: Encoder) -> None:
    for pattern, stream in (("unicode+crlf+gzip", True), ("tools+bytes", False)):
        body = {"model": "m1", **BODIES[encoder.path], "stream": stream}
        response = post(mock, encoder.path, body, ("x-test-pattern", pattern))
        assert response.status == 200
        assert response.headers["x-test-pattern-applied"] == pattern
        assert response.headers[encoder.id_header] == "req_mock"
    body = {"model": "m1", **BODIES[encoder.path]}
    directive = json.loads(json.dumps(body).replace("Hi", "[[test:status:429]]"))
    response = post(mock, encoder.path, directive)
    assert response.status == 429
    assert response.json() == encoder.error(answered := _fault(429)), answered


def _fault(status: int) -> Any:
    from mock_api.language.errors import fault_of  # noqa: PLC0415

    return fault_of(status)


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda each: each.name)
def test_cuts_stalls_and_resets_count_its_events(encoder: Encoder) -> None:
    events = encoder.events(answer("", Options()), Asked())
    made = script("stall:3", Options(), encoder=encoder)
    assert made.steps == (*map(Write, events[:3]), Stall())
    cut = script("fin:2", Options(), encoder=encoder).steps[-1]
    assert isinstance(cut, Write)
    assert events[2].startswith(cut.data)


def test_the_model_is_the_one_that_was_asked_for(mock: Mock) -> None:
    for path, body in BODIES.items():
        answered = post(mock, path, {**body, "model": "gpt-5"}).json()
        assert answered["model"] == "gpt-5", path
        directed = post(mock, path, {**body, "model": "test:short"}).json()
        assert directed["model"] == "mock", path


def test_responses_are_typed_events_in_order(mock: Mock) -> None:
    body = {"model": "m", "input": "Hi", "stream": True}
    events = typed_events(post(mock, "/v1/responses", body, ("x-test-pattern", "reasoning")).body)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"].removeprefix("response.") for event in events]
    assert kinds == [
        *("created", "in_progress", "output_item.added", "reasoning_summary_part.added"),
        *["reasoning_summary_text.delta"] * 3,
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", *["output_text.delta"] * 6),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    final = events[-1]["response"]
    assert final["output"] == [
        event["item"] for event in events if event["type"].endswith("item.done")
    ]
    assert post(mock, "/v1/responses", {**body, "stream": False}).json()["status"] == "completed"


@pytest.mark.parametrize(
    ("pattern", "status"),
    [("finish:length", "incomplete"), ("tools", "completed"), ("error:3", "failed")],
)
def test_responses_end_as_the_answer_does(pattern: str, status: str) -> None:
    last = RESPONSES.events(answer(pattern, Options()), Asked())[-1]
    value = json.loads(last.partition(b"data: ")[2])
    assert value["type"] == f"response.{status}"
    assert value["response"]["status"] == status


def test_messages_have_blocks_and_a_stop(mock: Mock) -> None:
    body = {"model": "m", **BODIES["/v1/messages"], "stream": True}
    events = typed_events(post(mock, "/v1/messages", body, ("x-test-pattern", "tools")).body)
    assert [event["type"] for event in events] == [
        *("message_start", "content_block_start", *["content_block_delta"] * 3),
        *("content_block_stop", "message_delta", "message_stop"),
    ]
    pieces = [event["delta"]["partial_json"] for event in events[2:5]]
    assert json.loads("".join(pieces)) == {"city": "Zürich"}
    assert events[-2]["delta"]["stop_reason"] == "tool_use"
    whole = MESSAGES.whole(answer("tools", Options()), Asked())
    assert whole["content"][0]["input"] == {"city": "Zürich"}


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda each: each.name)
def test_an_answer_without_an_end_is_not_complete(encoder: Encoder) -> None:
    text = b"".join(encoder.events(answer("abort:5", Options()), Asked())).decode()
    for end in ("[DONE]", "completed", "message_stop", '"stop"', "output_item.done"):
        assert end not in text


def test_usage_is_sent_when_asked_for(mock: Mock) -> None:
    for path in ("/v1/chat/completions", "/v1/completions"):
        body = {**BODIES[path], "stream": True, "stream_options": {"include_usage": True}}
        lines = post(mock, path, body, ("x-test-pattern", "finish:stop")).body.split(b"\n\n")
        values = [json.loads(line[6:]) for line in lines[:-2]]
        assert [value["usage"] for value in values[:-1]] == [None] * 7
        assert values[-1]["choices"] == []
        assert values[-1]["usage"]["completion_tokens"] == 6


def test_a_failed_model_is_an_error_without_stream(mock: Mock) -> None:
    for path, body in BODIES.items():
        response = post(mock, path, body, ("x-test-pattern", "error:3"))
        assert response.status == 500, path
        assert response.json()["error"]["message"] == "The model failed."


def test_whole_answers_keep_calls_thoughts_and_choices(mock: Mock) -> None:
    def whole(pattern: str) -> dict[str, Any]:
        path = "/v1/chat/completions"
        return post(mock, path, BODIES[path], ("x-test-pattern", pattern)).json()

    (choice,) = whole("tools")["choices"]
    (call,) = choice["message"]["tool_calls"]
    assert call["function"] == {"name": "weather", "arguments": '{"city":"Zürich"}'}
    assert choice["message"]["content"] is None
    first, second = whole("choices")["choices"]
    assert second["message"]["content"] == first["message"]["content"].upper()
    assert second["finish_reason"] == "length"
    thought = whole("reasoning")["choices"][0]["message"]["reasoning_content"]
    assert thought == "Streams carry words"


def test_embeddings_follow_from_the_text(mock: Mock) -> None:
    def vectors(**body: Any) -> list[Any]:
        data = post(mock, "/v1/embeddings", {"model": "e", **body}).json()["data"]
        return [each["embedding"] for each in data]

    first, second, third = vectors(input=["a", "b", "a"], dimensions=8)
    assert first == third != second
    assert len(first) == 8
    assert math.isclose(sum(number * number for number in first), 1)
    assert isinstance(vectors(input="a", encoding_format="base64")[0], str)
    for wrong in ({}, {"input": []}, {"input": [""]}, {"input": "a", "dimensions": 0}):
        response = post(mock, "/v1/embeddings", wrong)
        assert response.status == 400
        assert response.json()["error"]["param"]
