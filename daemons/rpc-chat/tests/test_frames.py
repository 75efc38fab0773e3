"""What goes over the socket."""

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
def test_what_a_message_says(data: str, text: str, framed: bool) -> None:
    assert parse(data) == Prompt(text, framed)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b'{"prompt": "Hello"}', "binary"),
        ('{"prompt": 5}', "a number"),
        ('{"prompt": true}', "a boolean"),
        ('{"prompt": null}', "null"),
        ('{"prompt": ["a"]}', "an array"),
        ('{"prompt": {"text": "a"}}', "an object"),
    ],
)
def test_what_is_no_prompt(data: str | bytes, found: str) -> None:
    said = parse(data)
    assert isinstance(said, Refusal)
    assert found in said.reason


def test_only_a_json_object_cancels() -> None:
    cancel, words = parse('{"prompt": "/cancel"}'), parse("/cancel")
    assert isinstance(cancel, Prompt)
    assert isinstance(words, Prompt)
    assert cancel.cancels
    assert not words.cancels


def test_a_frame_is_ascii_and_has_both_fields() -> None:
    encoded = Frame("chat_chunk", "né \ud83d").encode()
    assert encoded.isascii()
    assert json.loads(encoded) == {
        "event": "chat_chunk",
        "payload": {"content": "né \ud83d", "metadata": {}},
    }
    assert update("told", status="ok").metadata == {"status": "ok"}


def test_pairs_are_joined_and_halves_replaced() -> None:
    assert whole("\ud83d\ude00 \ude00 a") == "😀 \ufffd a"
