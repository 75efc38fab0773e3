"""What the API's bytes mean to the client."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streaming_daemon.answer import Answer, Finished, Format
from streaming_daemon.failure import Failure
from streaming_daemon.redaction import redactor


def relay(
    stream: bytes, form: Format = Format.SIMPLE, *, end: bool = True
) -> tuple[bytes, Finished | Failure | None]:
    answer = Answer(form, redactor("sk-key"))
    out = answer.feed(stream)
    if end and answer.outcome is None:
        out += answer.end()
    return out, answer.outcome


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def delta(content: Any, finish: Any = None, index: int = 0) -> bytes:
    choice = {"index": index, "delta": {"content": content}, "finish_reason": finish}
    return event({"choices": [choice]})


DONE = b"data: [DONE]\n\n"


def failure(outcome: object) -> Failure:
    assert isinstance(outcome, Failure)
    return outcome


def test_text_of_choice_0_in_simple() -> None:
    stream = delta("a\u2028\n") + delta("no", index=1) + delta("") + delta("b", "stop") + DONE
    out, outcome = relay(stream)
    assert out == 'data: {"content":"a\u2028\\n"}\n\ndata: {"content":"b"}\n\n'.encode()
    assert outcome is Finished.DONE


def test_everything_as_it_stands_in_openai() -> None:
    raw = rb'data: {"choices":[],"n":1.50,"big":123456789012345678901234567890,"s":"\ud83d\u0041"}'
    out, outcome = relay(raw + b"\n\n" + DONE + b"junk\n\n" + delta("x"), Format.OPENAI)
    assert out == raw + b"\n\n"
    assert outcome is Finished.DONE


def test_several_data_lines_stay_several_in_openai() -> None:
    out, _ = relay(b'data: {"choices":\r\ndata:[]\r\ndata: }\r\n\r\n', Format.OPENAI)
    assert out == b'data: {"choices":\ndata: []\ndata: }\n\n'


def test_numbers_of_any_size_are_no_error() -> None:
    raw = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"x":%s}]}\n\n' % (b"9" * 5000)
    assert relay(raw)[0] == b'data: {"content":"a"}\n\n'


def test_lone_surrogates_survive_as_escapes() -> None:
    out, _ = relay(delta("\ud83d") + delta("\ude00") + delta("😀"))
    assert out.decode() == (
        'data: {"content":"\\ud83d"}\n\ndata: {"content":"\\ude00"}\n\ndata: {"content":"😀"}\n\n'
    )


@pytest.mark.parametrize("form", list(Format))
def test_invalid_utf8_is_replaced(form: Format) -> None:
    out, _ = relay(delta("X").replace(b"X", b"\xff\xed\xa0\x80"), form)
    assert "\ufffd" in out.decode()


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize(
    "odd",
    [
        {"choices": []},
        {"choices": None},
        {},
        {"choices": [{"index": 0, "delta": None}]},
        {"choices": [{"index": 0}]},
        {"choices": [None, 3]},
        {"choices": "x"},
        {"choices": [{"delta": {"content": 5}}]},
        {"error": None, "choices": []},
        {"usage": {"total_tokens": 3}, "choices": []},
    ],
)
def test_odd_chunks_are_tolerated(form: Format, odd: Any) -> None:
    out, outcome = relay(event(odd) + delta("a") + DONE, form)
    assert outcome is Finished.DONE
    assert b'"content"' in out
    assert (form is Format.OPENAI) == (out.startswith(event(odd)))


@pytest.mark.parametrize(
    ("stream", "done"),
    [
        (delta("a") + DONE, True),
        (DONE, True),
        (b"data:[DONE]\n\n", True),
        (b"data: [DONE]", True),
        (delta("a", "stop"), True),
        (delta("a", "stop").rstrip(), True),
        (delta("a", "stop") + b": bye", True),
        (delta("a", "stop") + delta("b", index=1) + delta("", "length", index=1), True),
        (delta("a", "stop") + event({"choices": [], "usage": {}}), True),
        (b"", False),
        (b": only comments\n\n", False),
        (delta("a"), False),
        (delta("a", "stop") + delta("b", index=1), False),
        (delta("a", "stop")[:-20], False),
        (delta("a", "stop") + b"data: [DO", False),
        (delta("a", "stop") + b"da", False),
        (delta("data: [DONE]"), False),
        (event({"choices": []}), False),
    ],
)
def test_when_an_answer_has_finished(stream: bytes, done: bool) -> None:
    _, outcome = relay(stream)
    assert (outcome is Finished.DONE) == done
    assert done or failure(outcome).code in ("upstream_truncated", "upstream_bad_event")


@pytest.mark.parametrize(
    "bad",
    [
        b"data: error: boom\n\n",
        b"data: 5\n\n",
        b"data: NaN\n\n",
        b"data: " + b"[" * 99999 + b"\n\n",
    ],
)
def test_what_is_no_chunk_fails_after_what_came_before(bad: bytes) -> None:
    out, outcome = relay(delta("a") + bad + DONE)
    assert out == b'data: {"content":"a"}\n\n'
    assert failure(outcome).code == "upstream_bad_event"


@pytest.mark.parametrize(
    "stream",
    [
        event({"error": {"message": "no sk-key", "type": "t", "code": 429}}),
        b"event: error\n" + event({"error": {"message": "no sk-key", "type": "t", "code": 429}}),
        b"event: error\n" + event({"message": "no sk-key", "type": "t", "code": 429}),
    ],
)
def test_the_apis_error_keeps_its_words_but_not_the_key(stream: bytes) -> None:
    outcome = failure(relay(delta("a") + stream + DONE)[1])
    assert (outcome.message, outcome.type, outcome.code) == ("no [redacted]", "t", 429)


@pytest.mark.parametrize("said", ["boom", '"boom"'])
def test_an_error_event_may_be_mere_text(said: str) -> None:
    outcome = failure(relay(f"event: error\ndata: {said}\n\n".encode())[1])
    assert outcome.message == "boom"


@pytest.mark.parametrize("form", list(Format))
def test_other_named_events_are_skipped_unless_they_are_chunks(form: Format) -> None:
    stream = b'event: ping\ndata: pong\n\nevent: ping\ndata: {"a":1}\n\n'
    stream += b"event: ping\ndata: [DONE]\n\n"
    out, outcome = relay(stream + b"event: completion\n" + delta("a") + b"data\n\n" + DONE, form)
    assert outcome is Finished.DONE
    assert out.count(b"data: ") == 1
    assert b'"content"' in out


def test_a_huge_event_fails_the_stream() -> None:
    out, outcome = relay(delta("a") + b"data: " + b"x" * (3 << 20))
    assert out == b'data: {"content":"a"}\n\n'
    assert failure(outcome).code == "event_too_large"
