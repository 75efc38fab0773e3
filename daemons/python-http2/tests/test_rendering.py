"""The events of both formats."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llm_api.answer import Answer, Finished
from llm_api.redaction import redactor
from streaming_daemon.rendering import Format, renderer


def relay(stream: bytes, form: Format) -> bytes:
    answer = Answer(renderer(form), redactor("sk-key"))
    out = answer.feed(stream + b"data: [DONE]\n\n")
    assert answer.outcome is Finished.DONE
    return out


def delta(content: Any) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def test_simple_holds_the_text() -> None:
    out = relay(delta("a\u2028\n") + delta("") + delta("b"), Format.SIMPLE)
    assert out == 'data: {"content":"a\u2028\\n"}\n\ndata: {"content":"b"}\n\n'.encode()


def test_openai_is_the_chunk_byte_for_byte() -> None:
    raw = rb'data: {"choices":[],"n":1.50,"big":123456789012345678901234567890,"s":"\ud83d\u0041"}'
    assert relay(raw + b"\n\n", Format.OPENAI) == raw + b"\n\n"


def test_openai_keeps_several_data_lines() -> None:
    out = relay(b'data: {"choices":\r\ndata:[]\r\ndata: }\r\n\r\n', Format.OPENAI)
    assert out == b'data: {"choices":\ndata: []\ndata: }\n\n'


def test_lone_surrogates_stay_escapes() -> None:
    out = relay(delta("\ud83d") + delta("\ude00") + delta("😀"), Format.SIMPLE)
    assert out.decode() == (
        'data: {"content":"\\ud83d"}\n\ndata: {"content":"\\ude00"}\n\ndata: {"content":"😀"}\n\n'
    )


@pytest.mark.parametrize("form", list(Format))
def test_invalid_utf8_is_replaced(form: Format) -> None:
    out = relay(delta("X").replace(b"X", b"\xff\xed\xa0\x80"), form)
    assert "\ufffd" in out.decode()


def test_parts_are_joined_in_simple() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert relay(delta(parts), Format.SIMPLE) == b'data: {"content":"ab"}\n\n'
    assert relay(delta(parts), Format.OPENAI) == delta(parts)
