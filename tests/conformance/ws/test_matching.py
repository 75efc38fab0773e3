"""Which expectation a message meets: without sockets, at chosen times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.ws import OfType, Regex, WSExpectationError, WSResponse, WSTest
from conformance.ws.frame import NOT_JSON

URL = "ws://localhost"


def event(name: str, **attributes: Any) -> WSResponse:
    response = WSResponse().with_attribute("event", name)
    for key, value in attributes.items():
        response.with_attribute(key, value)
    return response


class Receiving:
    """Feed a test with frames, one a second; the connection opened at 0."""

    def __init__(self, test: WSTest) -> None:
        self.test = test
        test.transcript.opened = 0.0
        self.at = 0.0

    def __call__(self, *frames: Any) -> list[WSResponse | None]:
        """Return for each frame the expectation that it completed."""
        met = []
        for frame in frames:
            self.at += 1
            raw = frame if isinstance(frame, str | bytes) else json.dumps(frame)
            met.append(self.test.matching.receive(raw, self.at)[1])
        return met


def test_the_first_declared_takes_a_frame_that_fits_several() -> None:
    broad, narrow = WSResponse().with_attribute("event"), event("a")
    receive = Receiving(WSTest(URL).with_response(broad).with_response(narrow))
    assert receive({"event": "a"}, {"event": "b"}, {"event": "a"}) == [broad, None, narrow]


def test_in_order_counts_for_the_first_outstanding_only() -> None:
    a, b = event("a"), event("b")
    receive = Receiving(WSTest(URL).in_order().with_response(a).with_response(b))
    assert receive({"event": "b"}, {"event": "a"}, {"event": "b"}) == [None, a, b]


def test_in_order_is_not_met_by_the_other_order() -> None:
    test = WSTest(URL).in_order().with_response(event("a")).with_response(event("b"))
    Receiving(test)({"event": "b"}, {"event": "a"})
    assert not test.is_complete()
    (miss,) = test.matching.misses()
    assert (miss.frame, miss.differences, miss.reason) == (1, (), "it arrived before its turn")


def test_after_waits_for_its_predecessors_and_leaves_others_free() -> None:
    a, b, c = event("a"), event("b"), event("c")
    c.after(a, b)
    receive = Receiving(WSTest(URL).with_response(c).with_response(a).with_response(b))
    frames = [{"event": name} for name in "cbcac"]
    assert receive(*frames) == [None, b, None, a, c]


def test_times_counts_frames_and_is_met_by_the_last() -> None:
    chunks, end = event("chunk").times(3), event("end")
    test = WSTest(URL).with_response(chunks).with_response(end)
    met = Receiving(test)(*({"event": "chunk", "n": n} for n in range(4)), {"event": "end"})
    assert met == [None, None, chunks, None, end]
    assert test.received_responses == [chunks, end]
    assert test.collected(chunks, "n") == [0, 1, 2]


def test_too_few_messages_do_not_complete_a_repetition() -> None:
    test = WSTest(URL).with_response(event("chunk").times(3))
    Receiving(test)({"event": "chunk"}, {"event": "chunk"}, {"event": "chunky"})
    (miss,) = test.matching.misses()
    assert (miss.progress, miss.frame) == ("2 of 3", 3)
    assert miss.differences[0].found == '"chunky"'


def test_until_collects_a_stream() -> None:
    stream = event("chunk").until(event("end").with_capture("total", "n"))
    test = WSTest(URL).with_response(stream)
    receive = Receiving(test)
    frames = [{"event": "chunk", "text": word} for word in ("Hel", "lo", " world")]
    assert receive(*frames, {"event": "noise"}) == [None] * 4
    assert receive({"event": "end", "n": 3}) == [stream]
    assert "".join(test.collected(stream, "text")) == "Hello world"
    assert len(test.collected(stream)) == 3
    assert test.variables == {"total": 3}
    assert test.is_complete()


def test_until_may_collect_nothing_without_at_least() -> None:
    stream = event("chunk").until(event("end"))
    assert Receiving(WSTest(URL).with_response(stream))({"event": "end"}) == [stream]
    strict = event("chunk").until(event("end"), at_least=1)
    with pytest.raises(WSExpectationError) as caught:
        Receiving(WSTest(URL).with_response(strict))({"event": "end"})
    assert (caught.value.check, caught.value.actual) == ("until", "0")
    assert caught.value.expected == 'at least 1 before {"event": "end"}'


@pytest.mark.parametrize("chunks", [1, 3])
def test_until_with_times_expects_exactly_this_number(chunks: int) -> None:
    stream = event("chunk").times(2).until(event("end"))
    receive = Receiving(WSTest(URL).with_response(stream))
    with pytest.raises(WSExpectationError, match=f"until: expected 2 before .*, found {chunks}"):
        receive(*[{"event": "chunk"}] * chunks, {"event": "end"})


def test_until_with_times_fails_at_the_first_message_too_many() -> None:
    stream = event("chunk").times(2).until(event("end"))
    with pytest.raises(WSExpectationError, match="frame 3 at"):
        Receiving(WSTest(URL).with_response(stream))(*[{"event": "chunk"}] * 3)


def test_until_with_times_is_met() -> None:
    stream = event("chunk").times(2).until(event("end"))
    receive = Receiving(WSTest(URL).with_response(stream))
    assert receive({"event": "chunk"}, {"event": "chunk"}, {"event": "end"})[-1] is stream


def test_until_compares_its_end_first() -> None:
    stream = WSResponse().until(event("end"))
    test = WSTest(URL).with_response(stream)
    assert Receiving(test)({"event": "a"}, {"event": "end"}) == [None, stream]
    assert test.collected(stream) == [{"event": "a"}]


def test_the_progress_of_an_unfinished_stream() -> None:
    test = WSTest(URL).with_response(event("chunk").until(event("end")))
    Receiving(test)({"event": "chunk"}, {"event": "End"})
    (miss,) = test.matching.misses()
    assert miss.progress == "1 so far, and not the end"
    assert miss.differences[0].expected == '"end"'


def test_a_forbidden_message_fails_even_if_it_fits_an_expectation() -> None:
    test = WSTest(URL).with_response(WSResponse()).without_response(event("error"))
    receive = Receiving(test)
    with pytest.raises(WSExpectationError) as caught:
        receive({"event": "error", "text": "boom"})
    assert caught.value.check == "without_response"
    assert caught.value.actual == '{\\"event\\": \\"error\\", \\"text\\": \\"boom\\"}'.join('""')
    assert caught.value.where == "frame 1 at +1.000 s"


def test_a_message_that_is_not_forbidden_passes() -> None:
    test = WSTest(URL).with_response(WSResponse()).without_response(event("error"))
    Receiving(test)({"event": "errors"})
    assert test.is_complete()


def test_within_counts_from_the_connection() -> None:
    early, late = event("a").within(1.5), event("b").within(1.5)
    receive = Receiving(WSTest(URL).with_response(early).with_response(late))
    assert receive({"event": "a"}) == [early]
    with pytest.raises(WSExpectationError) as caught:
        receive({"event": "b"})
    assert caught.value.check == "within"
    assert caught.value.actual == "0.500 s later"


def test_within_counts_from_its_predecessor() -> None:
    a = event("a")
    b = event("b").after(a).within(1.5)
    receive = Receiving(WSTest(URL).with_response(a).with_response(b))
    assert receive({}, {}, {"event": "a"}, {"event": "b"})[2:] == [a, b]


def test_within_counts_from_the_previous_expectation_in_order() -> None:
    a, b = event("a"), event("b").within(1.5)
    receive = Receiving(WSTest(URL).in_order().with_response(a).with_response(b))
    assert receive({}, {}, {"event": "a"}, {"event": "b"})[2:] == [a, b]


def test_text_and_binary_frames_differ() -> None:
    text, data = WSResponse().with_text("pong"), WSResponse().with_bytes(b"\x00\xff")
    receive = Receiving(WSTest(URL).with_response(text).with_response(data))
    assert receive(b"pong", b"\x00\xff", "pong") == [None, data, text]


def test_a_matcher_of_text_does_not_match_binary_frames() -> None:
    text = WSResponse().with_text(OfType(str, bytes))
    assert Receiving(WSTest(URL).with_response(text))(b"pong", "pong") == [None, text]


def test_a_matcher_matches_text() -> None:
    text = WSResponse().with_text(Regex("^pong [0-9]+$"))
    assert Receiving(WSTest(URL).with_response(text))("pong", "pong 5") == [None, text]


def test_a_frame_without_json_is_recorded_and_fits_no_attribute() -> None:
    test = WSTest(URL).with_response(event("a"))
    deep = "[" * 100_000
    receive = Receiving(test)
    receive("not JSON", b"\xff\xfe", deep, "{")
    assert test.received_json == ["not JSON", b"\xff\xfe", deep, "{"]
    assert all(frame.document is NOT_JSON for frame in test.matching.frames)
    assert receive({"event": "a"})[0] is not None


def test_a_frame_without_json_fits_an_empty_expectation() -> None:
    anything = WSResponse()
    assert Receiving(WSTest(URL).with_response(anything))("not JSON") == [anything]


def test_json_in_a_binary_frame_is_json() -> None:
    a = event("a")
    assert Receiving(WSTest(URL).with_response(a))(b'{"event": "a"}') == [a]


def test_null_is_a_document() -> None:
    null = WSResponse().with_json(None)
    assert Receiving(WSTest(URL).with_response(null))("nothing", "null") == [None, null]


def test_captures_are_variables_of_later_expectations() -> None:
    opened = event("open").with_capture("id", "session/id")
    closed = event("close", id="${$id}").after(opened)
    receive = Receiving(WSTest(URL).with_response(opened).with_response(closed))
    assert receive(
        {"event": "open"},
        {"event": "open", "session": {"id": 5}},
        {"event": "close", "id": 4},
        {"event": "close", "id": 5},
    ) == [None, opened, None, closed]


def test_the_same_object_may_be_expected_twice() -> None:
    twice = event("a")
    test = WSTest(URL).with_response(twice).with_response(twice)
    assert Receiving(test)({"event": "a"}, {"event": "a"}) == [twice, twice]
    assert test.is_complete()
