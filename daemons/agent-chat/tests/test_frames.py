"""The checks of a client's frame, their order and their messages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agent_chat.frames import (
    CONTENT_CHARACTERS,
    FRAME_CHARACTERS,
    Answer,
    Message,
    Refusal,
    parse,
)


def message(**fields: Any) -> str:
    return json.dumps({"type": "message", "thread_id": "t", "content": "hi", **fields})


def refused(data: str | bytes) -> Refusal:
    refusal = parse(data)
    assert isinstance(refusal, Refusal), refusal
    return refusal


def problem(data: str) -> Refusal:
    parsed = parse(data)
    assert isinstance(parsed, Message)
    assert parsed.problem is not None
    return parsed.problem


def test_a_message_and_an_answer() -> None:
    assert parse(message(content=" hi ", extra=[1])) == Message("t", " hi ")
    answer = {"type": "interrupt_response", "thread_id": "t", "approved": False}
    assert parse(json.dumps(answer)) == Answer("t", False)


def test_size_comes_before_json() -> None:
    assert "too large" in refused("x" * (FRAME_CHARACTERS + 1)).message
    assert "too large" in refused(b"x" * (FRAME_CHARACTERS + 1)).message
    assert "Invalid JSON" in refused("x" * FRAME_CHARACTERS).message


def test_size_counts_characters() -> None:
    content = "文" * CONTENT_CHARACTERS
    given = json.dumps(
        {"type": "message", "thread_id": "t", "content": content}, ensure_ascii=False
    )
    assert parse(given) == Message("t", content)
    padded = message(padding="x" * (FRAME_CHARACTERS - len(message(padding=""))))
    assert len(padded) == FRAME_CHARACTERS
    assert isinstance(parse(padded), Message)
    assert refused(padded + " ").code == "too_large"


@pytest.mark.parametrize(
    "data",
    ["not valid json", "", "{", "[]", '"text"', "1", "null", "true", "[" * 20_000, "NaN",
     '{"type": NaN}', "1" * 5000, '{"a":1} x', b"", b"\x00\xff", message().encode()],
)  # fmt: skip
def test_frames_that_are_not_a_json_object(data: str | bytes) -> None:
    refusal = refused(data)
    assert refusal.code == "invalid_json"
    assert "Invalid JSON" in refusal.message


@pytest.mark.parametrize("kind", [None, "", "dance", "Message", 1, [], {}])
def test_unknown_types(kind: Any) -> None:
    assert refused(message(type=kind)).code == "unknown_type"
    assert refused('{"thread_id": "t"}').code == "unknown_type"


@pytest.mark.parametrize(
    "thread", [None, "", "a b", "a!", "a" * 129, "é", "a\n", "../a", 7, True, [], {"a": 1}]
)
def test_invalid_thread_ids(thread: Any) -> None:
    for refusal in (
        refused(message(thread_id=thread)),
        refused(json.dumps({"type": "interrupt_response", "thread_id": thread})),
    ):
        assert refusal.code == "invalid_thread_id"
        assert "thread_id" in refusal.message
        assert refusal.thread_id is None


@pytest.mark.parametrize("thread", ["a", "A-z_0", "a" * 128])
def test_thread_ids(thread: str) -> None:
    assert parse(message(thread_id=thread)) == Message(thread, "hi")


@pytest.mark.parametrize("content", [None, "", "  \t\n", "\u3000", 1, ["hi"], {"text": "hi"}])
def test_invalid_contents(content: Any) -> None:
    refusal = problem(message(content=content))
    assert refusal.code == "invalid_content"
    assert "content" in refusal.message
    assert refusal.thread_id == "t"


def test_contents_that_are_too_long_or_half_a_character() -> None:
    longest = "x" * CONTENT_CHARACTERS
    assert parse(message(content=longest)) == Message("t", longest)
    refusal = problem(message(content=longest + "x"))
    assert refusal.code == "content_too_long"
    assert "too long" in refusal.message
    assert problem('{"type":"message","thread_id":"t","content":"\\ud83d"}').code == (
        "invalid_content"
    )
    assert parse('{"type":"message","thread_id":"t","content":"\\ud83d\\ude80"}') == Message(
        "t", "🚀"
    )


@pytest.mark.parametrize("approved", [None, "true", 1, 0, [], "yes"])
def test_only_booleans_approve_or_reject(approved: Any) -> None:
    data = {"type": "interrupt_response", "thread_id": "t", "approved": approved}
    refusal = refused(json.dumps(data))
    assert refusal.code == "invalid_approved"
    assert refusal.thread_id == "t"
    assert refused('{"type": "interrupt_response", "thread_id": "t"}').code == "invalid_approved"


def test_message_ids() -> None:
    assert parse(message(message_id="m-1")) == Message("t", "hi", message_id="m-1")
    assert refused(message(message_id=1)).code == "invalid_message_id"
    refusal = problem(message(message_id="m-1", content=""))
    assert refusal.message_id == "m-1"
