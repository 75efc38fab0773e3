"""The messages in both directions."""

from __future__ import annotations

import json

import pytest
from rpc_chat.frames import Frame, Prompt, Refusal, parse, update, whole


@pytest.mark.parametrize(
    ("data", "text", "framed"),
    [
        ('{"prompt": "Hello"}', "Hello", True),
        ('{"prompt": ""}', "", True),
        ('{"other": 1}', "", True),
        ('{"prompt": "🐈‍⬛ \\u2028"}', "🐈‍⬛ \u2028", True),
        ('{"prompt": "\\ud83d\\ude00"}', "😀", True),
        ('{"prompt": "half \\ud83d"}', "half \ufffd", True),
        ("Hello", "Hello", False),
        ("", "", False),
        ("[1, 2]", "[1, 2]", False),
        ('"/cancel"', '"/cancel"', False),
        ("[" * 100_000, "[" * 100_000, False),
    ],
)
def test_prompts(data: str, text: str, framed: bool) -> None:
    assert parse(data) == Prompt(text, framed)


@pytest.mark.parametrize(
    ("data", "type_name"),
    [
        (b'{"prompt": "Hello"}', "binary"),
        ('{"prompt": 5}', "a number"),
        ('{"prompt": true}', "a boolean"),
        ('{"prompt": null}', "null"),
        ('{"prompt": ["a"]}', "an array"),
        ('{"prompt": {"text": "a"}}', "an object"),
    ],
)
def test_messages_that_are_not_prompts(data: str | bytes, type_name: str) -> None:
    refusal = parse(data)
    assert isinstance(refusal, Refusal)
    assert type_name in refusal.reason


def test_only_a_json_object_cancels() -> None:
    cancel, text = parse('{"prompt": "/cancel"}'), parse("/cancel")
    assert isinstance(cancel, Prompt)
    assert isinstance(text, Prompt)
    assert cancel.cancels
    assert not text.cancels


def test_a_frame_is_ascii_and_has_both_fields() -> None:
    encoded = Frame("chat_chunk", "né \ud83d").encode()
    assert encoded.isascii()
    assert json.loads(encoded) == {
        "event": "chat_chunk",
        "payload": {"content": "né \ud83d", "metadata": {}},
    }
    assert update("ready", status="ok").metadata == {"status": "ok"}


def test_pairs_are_joined_and_halves_replaced() -> None:
    assert whole("\ud83d\ude00 \ude00 a") == "😀 \ufffd a"
