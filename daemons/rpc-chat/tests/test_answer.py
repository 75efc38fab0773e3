"""The parser for streamed answers: the forms that real APIs send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rpc_chat.answer import DONE, EVENT_BYTES, Answer, ModelError


def data(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"data: {text}\n\n".encode()


def delta(content: Any, finish: Any = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": content, **more}, "finish_reason": finish}
    return data({"choices": [choice]})


FINISH = data({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
END = data(DONE)


def read(*parts: bytes) -> str:
    answer = Answer()
    text = "".join(text for part in parts for text in answer.feed(part))
    answer.close()
    return text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((delta("a"), FINISH, END), "a"),
        ((delta("a"), FINISH), "a"),
        ((delta("a"), END), "a"),
        ((delta("a", ""), delta("b", ""), FINISH, END), "ab"),
        ((delta("a", role="assistant"), FINISH), "a"),
        ((data(""), b"data:\n\n", b": ping\n\n", b"id: 1\n\n", delta("a"), END), "a"),
        ((delta([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), END), "ab"),
        ((delta("a"), END, delta("b"), b"data: {"), "a"),
        ((data({"choices": [], "usage": {}}), delta("a"), END), "a"),
        ((data({"choices": None, "usage": {}}), data({"usage": {}}), delta("a"), END), "a"),
        ((data({"error": None, "choices": []}), delta("a"), END), "a"),
        ((data({"choices": [{"delta": None, "finish_reason": "stop"}]}),), ""),
        ((data({"choices": [{"index": 1, "delta": {"content": "b"}}]}), delta("a"), END), "a"),
        ((b"\xef\xbb\xbf" + delta("a"), END), "a"),
        ((b"event: ping\ndata: {}\n\n", delta("a"), END), "a"),
    ],
)
def test_answers_that_are_complete(parts: tuple[bytes, ...], text: str) -> None:
    assert read(*parts) == text


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_bytes_may_be_cut_anywhere(line_end: bytes) -> None:
    stream = (delta("ä\u2028b\x85") + FINISH + END).replace(b"\n", line_end)
    assert read(*(stream[place : place + 1] for place in range(len(stream)))) == "ä\u2028b\x85"
    assert read(stream) == "ä\u2028b\x85"


def test_a_piece_of_text_does_not_wait_for_the_next_event() -> None:
    answer = Answer()
    assert list(answer.feed(delta("a").replace(b"\n", b"\r"))) == ["a"]
    assert list(answer.feed(b"\n" + delta("b"))) == ["b"]


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (data({"error": {"message": "no credit"}}), "no credit"),
        (data({"error": {"message": "no credit"}, "choices": []}), "no credit"),
        (data({"error": "no credit"}), "no credit"),
        (data({"error": 5}), "5"),
        (data({"error": ["no credit"]}), "no credit"),
        (data({"error": True}), "error"),
        (data({"error": {}}), "error"),
        (data({"object": "error", "message": "no credit", "code": 429}), "no credit"),
        (data({"detail": "no credit"}), "no credit"),
        (b'error: {"message": "no credit"}\n\n', "no credit"),
        (b"error: no credit\n\n", "no credit"),
        (b"event: error\n\n", "error"),
        (b'event: error\ndata: {"error": {"message": "no credit"}}\n\n', "no credit"),
        (data({"choices": [{"delta": {}, "error": {"message": "no credit"}}]}), "no credit"),
        (data({"choices": [{"delta": {}, "finish_reason": "error"}]}), "error"),
        (data("error: no credit"), "no credit"),
        (data("[1]"), "[1]"),
        (data({"choices": ["text"]}), "object"),
        (delta(5), "int"),
        (delta([{"type": "image_url"}]), "another part"),
        (delta({"text": "a"}), "dict"),
    ],
)
def test_errors_in_any_form_fail_the_answer(part: bytes, reason: str) -> None:
    for stream in ((delta("a"), part, END), (delta("a"), FINISH, part, END)):
        with pytest.raises(ModelError, match=r".") as failure:
            read(*stream)
        assert reason in str(failure.value)


@pytest.mark.parametrize("parts", [(), (delta("a"),), (delta("a", ""),), (delta("a"), b"data: [D")])
def test_an_answer_without_its_end_is_incomplete(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(ModelError, match="incomplete"):
        read(*parts)


def test_the_reason_of_an_early_end_is_kept() -> None:
    answer = Answer()
    assert list(answer.feed(delta("a", "length"))) == ["a"]
    answer.close()
    assert answer.finish_reason == "length"


def test_an_endless_event_is_not_stored() -> None:
    for part in (b"x" * 1000, b"data: 12345\n"):
        with pytest.raises(ModelError, match="more than"):
            read(*[part] * (EVENT_BYTES // len(part) + 2))
