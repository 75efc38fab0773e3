"""Answers by content: which rule is for which request, and what it sends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mock_api.language.json_values import ScriptError
from mock_api.language.rules import load, question, rules
from tests.mock_api.clients.mock import Mock, contents, events
from tests.mock_api.clients.raw_http import post, typed_events

CHAT = "/v1/chat/completions"

FILE = """
answers:
  - when: {role: tool}
    say: It is 21 °C.
  - when: weather
    say: Let me look.
    call: {name: weather, arguments: {city: Zürich}}
  - when: {matches: "^(hi|hello)", model: "gpt-*"}
    say: [Hello, "!"]
    with: crlf
  - when: overloaded
    fail: 503
    times: 1
  - when: {contains: cut}
    pattern: short+fin:3
  - when: {path: /v1/responses}
    think: Hm.
    say: Yes.
    finish: length
"""


def _body(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "messages": [{"role": "user", "content": text}], **fields}


@pytest.fixture
def ruled(start_mock: Callable[..., Mock], tmp_path: Path) -> Mock:
    """A mock with the rules of FILE."""
    path = tmp_path / "answers.yaml"
    path.write_text(FILE)
    return start_mock("--answers", path)


def test_the_first_rule_that_fits(ruled: Mock) -> None:
    def said(body: dict[str, Any]) -> dict[str, Any]:
        response = post(ruled, CHAT, body)
        assert response.headers["x-test-pattern-applied"] in ("answer", "default")
        return response.json()["choices"][0]

    called = said(_body("What is the weather?"))
    assert called["message"]["content"] == "Let me look."
    (call,) = called["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Zürich"}
    assert called["finish_reason"] == "tool_calls"
    result = {"role": "tool", "tool_call_id": "call_1", "content": "21"}
    messages = [*_body("What is the weather?")["messages"], called["message"], result]
    assert said({"model": "gpt-5", "messages": messages})["message"]["content"] == "It is 21 °C."
    assert said(_body("Hello there"))["message"]["content"] == "Hello!"
    assert said({**_body("Hello there"), "model": "o9"})["message"]["content"].startswith("Streams")


def test_streams_say_the_same(ruled: Mock) -> None:
    body = post(ruled, CHAT, _body("hi", stream=True)).body
    assert b"\r\n" in body
    assert contents(events(body.replace(b"\r\n", b"\n"))) == ["Hello", "!"]
    asked = {"model": "m", "input": "x", "stream": True}
    *_, last = typed_events(post(ruled, "/v1/responses", asked).body)
    assert last["type"] == "response.incomplete"
    assert [item["type"] for item in last["response"]["output"]] == ["reasoning", "message"]


def test_a_rule_with_times_is_used_up(ruled: Mock) -> None:
    statuses = [post(ruled, CHAT, _body("overloaded?")).status for _ in range(3)]
    assert statuses == [503, 200, 200]


def test_a_named_pattern_comes_before_the_rules(ruled: Mock) -> None:
    response = post(ruled, CHAT, _body("hi"), ("x-test-pattern", "finish:length"))
    assert response.headers["x-test-pattern-applied"] == "finish:length"


def test_rules_of_a_key_are_for_its_owner(mock: Mock) -> None:
    for name in ("a", "b"):
        assert mock.control("PUT", f"/keys/{name}", {"key": f"sk-{name}"}).status == 200

    def ask(key: str) -> Any:
        response = post(mock, CHAT, _body("x"), ("authorization", f"Bearer sk-{key}"))
        return response.status, response.json().get("choices", [{}])[0].get("message", {})

    rule = {"answers": [{"say": "mine"}]}
    assert mock.control("POST", "/answers/a", rule).status == 200
    failing = {"answers": [{"fail": 429, "times": 1}]}
    assert mock.control("POST", "/answers/a?first=1", failing).status == 200
    assert ask("a")[0] == 429
    assert ask("a")[1]["content"] == "mine"
    assert ask("b")[1]["content"].startswith("Streams")
    assert mock.control("DELETE", "/answers/a").status == 200
    assert ask("a")[1]["content"].startswith("Streams")
    assert mock.control("DELETE", "/answers/a").status == 404
    for name in ("a", "b"):
        mock.control("DELETE", f"/keys/{name}")


WRONG: list[tuple[Any, str]] = [
    ({}, "answers[0]: expected one of pattern, script and fail; or say, call or both"),
    ({"say": "a", "fail": 500}, "expected one of pattern"),
    ({"fail": 200}, "answers[0].fail: expected a whole number from 400 to 599"),
    ({"say": 5}, "answers[0].say: expected a list"),
    ({"call": {"arguments": {}}}, "answers[0].call[0]: expected a field name"),
    ({"say": "a", "when": {"matches": "("}}, "answers[0].when.matches: expected a regular"),
    ({"say": "a", "when": {"user": "x"}}, "expected only the fields text, contains"),
    ({"pattern": "nonsense"}, "expected a pattern and modifiers that exist"),
    ({"say": "a", "with": "nonsense"}, "expected a pattern and modifiers that exist"),
    ({"script": {}}, "answers[0].script: expected a script"),
    ({"fail": 500, "finish": "stop"}, "think and finish only with say or call"),
]


@pytest.mark.parametrize(("rule", "message"), WRONG)
def test_a_wrong_rule_names_its_place(rule: Any, message: str) -> None:
    with pytest.raises(ScriptError) as error:
        rules("answers", [rule])
    assert message in str(error.value)


def test_a_wrong_file_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    for content in ("answers: [", "- say: x", "answer: []"):
        path.write_text(content)
        with pytest.raises(ScriptError, match=r"a\.yaml"):
            load(path)


def test_what_a_question_looks_at() -> None:
    assert question("/v1/responses", {"input": "Hi"}, "input")[2:] == ("Hi", "user")
    output = {"type": "function_call_output", "call_id": "c", "output": "1"}
    items = [{"role": "user", "content": "Hi"}, output]
    assert question("/v1/responses", {"input": items}, "input")[2:] == ("Hi", "tool")
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
    assert question("/v1/messages", {"messages": [result]}, "messages").role == "tool"
