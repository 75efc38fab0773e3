"""The parser for streamed answers: the forms that real APIs send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agent_chat.answer import DONE, EVENT_BYTES, Answer
from agent_chat.calls import ModelError, WholeText


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


def test_halves_of_characters_are_joined_or_replaced() -> None:
    rocket = "\ud83d", "\ude80"
    whole = WholeText()
    pieces = ("a", "文" + rocket[0], rocket[1] + "b", "")
    assert [whole.add(piece) for piece in pieces] == ["a", "文", "🚀b", ""]
    assert [whole.add(piece) for piece in (rocket[0], "x", rocket[1])] == ["", "\ufffdx", "\ufffd"]


def piece(arguments: Any = None, *, name: str = "", **fields: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"function": function, **fields}


def calls(*pieces: Any, finish: str = "tool_calls") -> list[tuple[str, str, dict[str, Any]]]:
    answer = Answer()
    for part in pieces:
        list(answer.feed(data({"choices": [{"index": 0, "delta": {"tool_calls": [part]}}]})))
    list(answer.feed(data({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})))
    answer.close()
    return [(call.id, call.tool, call.arguments) for call in answer.calls.complete()]


BOTH = [("a", "look", {"n": 1}), ("b", "look", {"n": 2})]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(
            [piece("", name="look", id="a", index=0),
             piece('{"n"', index=0), piece(": 1}", index=0),
             piece("", name="look", id="b", index=1), piece('{"n": 2}', index=1)],
            id="one index for each call",
        ),
        pytest.param(
            [piece("", name="look", id="a", index=1), piece("", name="look", id="b", index=2),
             piece('{"n": 2}', index=2), piece('{"n": 1}', index=1)],
            id="indexes that begin at 1",
        ),
        pytest.param(
            [piece('{"n": 1}', name="look", id="a"), piece('{"n": 2}', name="look", id="b")],
            id="no index",
        ),
        pytest.param(
            [piece('{"n": 1}', name="look", id="a", index=0),
             piece('{"n": 2}', name="look", id="b", index=0)],
            id="the same index for all calls",
        ),
        pytest.param(
            [piece("", name="look", id="a", index=0),
             piece('{"n": 1}', name="look", id="a", index=0),
             piece({"n": 2}, name="look", id="b", index=1)],
            id="a repeated name, and arguments as an object",
        ),
    ],
)  # fmt: skip
def test_calls_are_put_together_however_they_are_numbered(pieces: list[Any]) -> None:
    assert calls(*pieces) == BOTH
    assert calls(*pieces, finish="stop") == BOTH


def test_text_next_to_a_call_is_kept() -> None:
    answer = Answer()
    part = piece("{}", name="look", id="a", index=0)
    assert list(answer.feed(delta("Let me see.", "stop", tool_calls=[part]))) == ["Let me see."]
    assert [call.tool for call in answer.calls.complete()] == ["look"]


def test_calls_without_an_id_get_different_ones() -> None:
    first, second = calls(piece("{}", name="look"), piece(None, name="look", id=""))
    assert first[0] != second[0]
    assert first[2] == second[2] == {}


@pytest.mark.parametrize(
    "part",
    ["text", piece("[", name="look"), piece("[1]", name="look"), piece("{}"), {"function": "look"}],
)
def test_a_call_that_cannot_be_read_is_an_error(part: Any) -> None:
    with pytest.raises(ModelError, match="expected"):
        calls(part)
