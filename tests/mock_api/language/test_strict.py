"""Validation of requests: what each API refuses, and the error that it gives."""

from __future__ import annotations

from typing import Any

import pytest

from mock_api.language.strict.requests import invalid
from tests.mock_api.clients.mock import Mock
from tests.mock_api.clients.raw_http import post

USER = {"role": "user", "content": "Hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "1"}
CHAT = {"model": "m", "messages": [USER]}

VALID: list[dict[str, Any]] = [
    CHAT,
    {**CHAT, "stream": True, "stream_options": {"include_usage": True}, "n": 2, "stop": None},
    {**CHAT, "messages": [USER, CALLING, RESULT, USER]},
    {**CHAT, "messages": [{"role": "developer", "content": "x"}, {**USER, "content": [{}]}]},
    {**CHAT, "tools": [{}], "tool_choice": "auto", "temperature": 0, "logit_bias": {"1": 2}},
]

WRONG: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"messages": [USER]}, "missing_required_parameter", "model"),
    ({"model": "m"}, "missing_required_parameter", "messages"),
    ({**CHAT, "foo": 1}, "unknown_parameter", "foo"),
    ({**CHAT, "n": "2"}, "invalid_type", "n"),
    ({**CHAT, "n": True}, "invalid_type", "n"),
    ({**CHAT, "n": 0}, "integer_below_min_value", "n"),
    ({**CHAT, "n": 129}, "integer_above_max_value", "n"),
    ({**CHAT, "temperature": 2.1}, "decimal_above_max_value", "temperature"),
    ({**CHAT, "model": 5}, "invalid_type", "model"),
    ({**CHAT, "stream_options": {}}, None, "stream_options"),
    ({**CHAT, "tool_choice": "auto"}, None, "tool_choice"),
    (
        {**CHAT, "stream": True, "stream_options": {"usage": True}},
        "unknown_parameter",
        "stream_options.usage",
    ),
    ({**CHAT, "messages": [{**USER, "role": "bot"}]}, "invalid_value", "messages[0].role"),
    ({**CHAT, "messages": [{"role": "user"}]}, "invalid_type", "messages[0].content"),
    ({**CHAT, "messages": ["Hi"]}, "invalid_type", "messages[0]"),
    ({**CHAT, "messages": [{**USER, "x": 1}]}, "unknown_parameter", "messages[0].x"),
    ({**CHAT, "messages": [USER, RESULT]}, None, "messages[1].role"),
    ({**CHAT, "messages": [USER, CALLING]}, None, "messages[1]"),
    ({**CHAT, "messages": [USER, CALLING, USER, RESULT]}, None, "messages[1]"),
    ({**CHAT, "messages": [USER, CALLING, RESULT, RESULT]}, None, "messages[3].role"),
]


@pytest.mark.parametrize("body", VALID)
def test_valid_requests(body: dict[str, Any]) -> None:
    assert invalid("chat completions", body) is None


@pytest.mark.parametrize(("body", "code", "param"), WRONG)
def test_wrong_requests(body: dict[str, Any], code: str | None, param: str) -> None:
    fault = invalid("chat completions", body)
    assert fault is not None
    assert (fault.status, fault.type) == (400, "invalid_request_error")
    assert (fault.code, fault.param) == (code, param)


def test_the_histories_of_other_apis() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "1"}
    for items, wrong in (([USER, call, output], False), ([USER, output], True), ([call], True)):
        assert (invalid("responses", {"model": "m", "input": items}) is not None) is wrong
    use = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f"}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
    for messages, wrong in (
        ([USER, use, result], False),
        ([USER, use, USER], True),
        ([USER, result], True),
        ([USER, use], True),
    ):
        body = {"model": "m", "max_tokens": 9, "messages": messages}
        assert (invalid("messages", body) is not None) is wrong


def test_the_modifier_asks_for_it_and_other_requests_stay_free(mock: Mock) -> None:
    body = {**CHAT, "foo": 1}
    path = "/v1/chat/completions"
    assert post(mock, path, body).status == 200
    refused = post(mock, path, body, ("x-test-pattern", "short+strict"))
    assert refused.status == 400
    assert refused.json()["error"] == {
        "message": "Unknown parameter: 'foo'.",
        "type": "invalid_request_error",
        "param": "foo",
        "code": "unknown_parameter",
    }
    anthropic = {"model": "m", "messages": [USER]}
    shaped = post(mock, "/v1/messages", anthropic, ("x-test-pattern", "strict")).json()
    assert shaped["error"]["type"] == "invalid_request_error"
    assert "max_tokens" in shaped["error"]["message"]
