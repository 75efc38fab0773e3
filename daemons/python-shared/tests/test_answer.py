"""What the API's bytes mean to the client."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llm_api.answer import Answer, Chunk, Finished, Render
from llm_api.failure import Failure
from llm_api.redaction import redactor


def text_of(chunk: Chunk) -> bytes:
    return chunk.text.encode(errors="surrogatepass") + b"|" if chunk.text else b""


def raw_of(chunk: Chunk) -> bytes:
    return chunk.raw + b"|"


FORMS = [text_of, raw_of]


def relay(
    stream: bytes, form: Render = text_of, *, end: bool = True
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


def test_the_text_is_that_of_choice_0() -> None:
    stream = delta("a\u2028\n") + delta("no", index=1) + delta("") + delta("b", "stop") + DONE
    assert relay(stream) == ("a\u2028\n|b|".encode(), Finished.DONE)


def test_the_raw_chunk_is_the_apis() -> None:
    raw = rb'{"choices":[],"n":1.50,"big":123456789012345678901234567890,"s":"\ud83d\u0041"}'
    stream = b"data: " + raw + b"\n\n" + DONE + b"junk\n\n" + delta("x")
    assert relay(stream, raw_of) == (raw + b"|", Finished.DONE)


def test_a_number_may_have_any_size() -> None:
    raw = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"x":%s}]}\n\n' % (b"9" * 5000)
    assert relay(raw)[0] == b"a|"


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
        {"error": None, "choices": []},
        {"usage": {"total_tokens": 3}, "choices": []},
        {"x": 1},
        {"message": ""},
        {"message": 5},
        {"detail": 5},
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_odd_chunks_are_tolerated(form: Render, odd: Any) -> None:
    out, outcome = relay(event(odd) + delta("a") + DONE, form)
    assert outcome is Finished.DONE
    assert (form is raw_of) == (out.startswith(json.dumps(odd).encode()))


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
        (delta("a", "stop") + b"data:\n\ndata: \n\n", True),
        (delta("a", "stop") + delta("b", index=1) + delta("", "length", index=1), True),
        (delta("a", "stop") + event({"choices": [], "usage": {}}), True),
        (b"", False),
        (b": only comments\n\n", False),
        (delta("a"), False),
        (delta("a", ""), False),
        (delta("a", True), False),
        (delta("a", 1), False),
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
    ("content", "text"),
    [
        ([{"type": "text", "text": "b"}, {"type": "text", "text": "c"}], b"bc|"),
        (["b", {"text": "c"}], b"bc|"),
        (
            [{"type": "thinking", "thinking": [{"text": "hm"}]}, {"type": "text", "text": "c"}],
            b"c|",
        ),
        ([], b""),
    ],
)
def test_a_list_of_text_parts_is_joined(content: Any, text: bytes) -> None:
    assert relay(delta("a") + delta(content) + DONE) == (b"a|" + text, Finished.DONE)


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    "content", [5, True, {"text": "b"}, [{"type": "image", "text": "b"}], [5], [None]]
)
@pytest.mark.parametrize("form", FORMS)
def test_content_without_text_fails_the_stream(form: Render, content: Any, index: int) -> None:
    out, outcome = relay(delta("a") + delta(content, index=index) + DONE, form)
    assert failure(outcome).code == "upstream_bad_event"
    assert out.count(b"|") == 1


@pytest.mark.parametrize(
    "bad",
    [
        b"data: error: boom\n\n",
        b"data: 5\n\n",
        b"data: NaN\n\n",
        b"data: " + b"[" * 99999 + b"\n\n",
    ],
)
def test_data_that_is_not_a_chunk_fails_after_the_events_before_it(bad: bytes) -> None:
    out, outcome = relay(delta("a") + bad + DONE)
    assert out == b"a|"
    assert failure(outcome).code == "upstream_bad_event"


ERROR = {"message": "no sk-key", "type": "t", "code": 429}


@pytest.mark.parametrize(
    "stream",
    [
        event({"error": ERROR}),
        event({"error": ERROR, "choices": []}),
        event({"error": ERROR, "choices": [{"index": 0, "delta": {"content": "b"}}]}),
        event(ERROR),
        event({**ERROR, "choices": []}),
        event({"object": "error", **ERROR}),
        b"event: error\n" + event({"error": ERROR}),
        b"event: error\n" + event(ERROR),
        b"error: " + json.dumps(ERROR).encode() + b"\n\n",
        b"error: " + json.dumps(ERROR).encode(),
    ],
)
@pytest.mark.parametrize("done", [DONE, b""])
def test_an_error_keeps_its_message_without_the_key(stream: bytes, done: bytes) -> None:
    if done and not stream.endswith(b"\n\n"):
        stream += b"\n\n"
    out, outcome = relay(delta("a", "stop") + stream + done)
    assert out == b"a|"
    error = failure(outcome)
    assert (error.message, error.type, error.code) == ("no [redacted]", "t", 429)


@pytest.mark.parametrize("value", ["boom", 5, True, False, "", {}, [], ["boom"]])
def test_an_error_of_any_type_fails_the_stream(value: Any) -> None:
    error = failure(relay(event({"error": value, "choices": []}) + DONE)[1])
    assert error.message == ("boom" if value == "boom" else "the API reported an error")


@pytest.mark.parametrize(
    "stream",
    [
        b"event: error\n\n",
        b"event: error\ndata\n\n",
        b"event:error\ndata: \n\n",
        b"error\n\n",
        b"error:\ndata: \n\n",
        b'data: {"detail":"boom"}\n\n',
        b'data: {"object":"error"}\n\n',
    ],
)
def test_an_error_may_come_without_a_message(stream: bytes) -> None:
    assert failure(relay(delta("a", "stop") + stream + DONE)[1]).code == "upstream_error"


@pytest.mark.parametrize("data", ["boom", '"boom"'])
def test_an_error_event_may_be_a_text(data: str) -> None:
    for line in (f"event: error\ndata: {data}", f"error: {data}"):
        assert failure(relay(f"{line}\n\n".encode())[1]).message == "boom"


@pytest.mark.parametrize("form", FORMS)
def test_other_named_events_are_skipped_unless_they_are_chunks(form: Render) -> None:
    stream = b'event: ping\ndata: pong\n\nevent: ping\ndata: {"a":1}\n\n'
    stream += b"event: ping\ndata: [DONE]\n\n"
    out, outcome = relay(stream + b"event: completion\n" + delta("a") + b"data\n\n" + DONE, form)
    assert outcome is Finished.DONE
    assert out.count(b"|") == 1


def test_a_huge_event_fails_the_stream() -> None:
    out, outcome = relay(delta("a") + b"data: " + b"x" * (3 << 20))
    assert out == b"a|"
    assert failure(outcome).code == "event_too_large"
