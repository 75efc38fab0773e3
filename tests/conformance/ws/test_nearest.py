"""The nearest miss: its frame and its differences."""

from __future__ import annotations

import json
from typing import Any

from conformance.ws import Null, Predicate, Regex, WSResponse, WSTest
from conformance.ws.nearest import Miss


def misses(*frames: Any, expected: list[WSResponse]) -> list[Miss]:
    test = WSTest("ws://localhost")
    test.transcript.opened = 0.0
    for response in expected:
        test.with_response(response)
    for at, frame in enumerate(frames, 1):
        raw = frame if isinstance(frame, str | bytes) else json.dumps(frame)
        test.matching.receive(raw, float(at))
    return list(test.matching.misses())


def text(miss: Miss) -> str:
    return miss.text(lambda at: f"{at:+.3f} s")


def test_nothing_arrived() -> None:
    (miss,) = misses(expected=[WSResponse().with_attribute("a", 1)])
    assert text(miss) == 'not met: {"a": 1}\n  nothing arrived'


def test_the_frame_with_the_fewest_differences_is_nearest() -> None:
    expected = WSResponse().with_attribute("type", "answer").with_attribute("id", 5)
    (miss,) = misses(
        {"type": "answer", "id": 6},
        {"type": "answer"},
        {"type": "question", "id": 7},
        expected=[expected],
    )
    assert text(miss) == (
        'not met: {"type": "answer", "id": 5}\n'
        '  nearest: frame 1 at +1.000 s: {"type": "answer", "id": 6}\n'
        "    id: expected 5, found 6"
    )


def test_of_equals_the_most_similar_text_is_nearest() -> None:
    expected = WSResponse().with_attribute("message", "Rob has connected")
    frames = [{"message": m} for m in ("Eve: hi", "rob has connected", "Eve has left")]
    (miss,) = misses(*frames, expected=[expected])
    assert miss.frame == 2
    assert miss.differences[0].expected == '"Rob has connected"'
    assert miss.differences[0].found == '"rob has connected"'


def test_a_value_of_another_type_shows() -> None:
    (miss,) = misses({"id": "5"}, expected=[WSResponse().with_attribute("id", 5)])
    assert (miss.differences[0].expected, miss.differences[0].found) == ("5", '"5"')


def test_missing_values_nulls_and_several_values_differ() -> None:
    expected = (
        WSResponse()
        .with_attribute("a")
        .with_attribute("b", 1)
        .with_attribute("c//d", 1)
        .with_attribute("e", Null())
    )
    (miss,) = misses({"b": None, "c": [{"d": 2}, {"d": 3}], "e": 5}, expected=[expected])
    assert [(part.path, part.expected, part.found) for part in miss.differences] == [
        ("a", "any value", "nothing"),
        ("b", "1", "null"),
        ("c//d", "1", "none of [2, 3]"),
        ("e", '"Null()"', "5"),
    ]


def test_the_remark_of_a_matcher() -> None:
    expected = WSResponse().with_attribute("a", Predicate(lambda value: value + 1, "a number"))
    (miss,) = misses({"a": "x"}, expected=[expected])
    assert miss.differences[0].remark.startswith("the predicate raised TypeError")
    assert "(the predicate raised TypeError" in text(miss)


def test_a_frame_that_another_expectation_took_is_the_nearest() -> None:
    broad, narrow = WSResponse().with_attribute("n"), WSResponse().with_attribute("n", 1)
    (miss,) = misses({"n": 1}, {"n": 2}, expected=[broad, narrow])
    assert text(miss).splitlines()[1:] == [
        '  nearest: frame 1 at +1.000 s: {"n": 1}',
        '    it fits, but {"n": null} took it',
    ]


def test_raw_expectations() -> None:
    (miss,) = misses("ping", b"pong", expected=[WSResponse().with_text(Regex("^pong"))])
    assert miss.frame == 2, "the same word in a binary message is nearer"
    (json_miss,) = misses("not JSON", expected=[WSResponse().with_attribute("a")])
    assert (json_miss.differences[0].path, json_miss.differences[0].found) == (
        "document",
        '"not JSON"',
    )
    (binary,) = misses(b"pong", expected=[WSResponse().with_text("pong")])
    assert binary.differences[0].remark == "a message of bytes"


def test_long_and_unprintable_values_stay_on_a_line() -> None:
    (miss,) = misses(
        {"a": "\x1b\u202e" + "x" * 500}, expected=[WSResponse().with_attribute("a", 1)]
    )
    lines = text(miss).splitlines()
    assert all(line.isprintable() and len(line) < 250 for line in lines)


def test_of_equal_frames_the_last_is_the_nearest() -> None:
    (miss,) = misses({"n": 1}, {"n": 1}, expected=[WSResponse().with_attribute("n", 2)])
    assert miss.frame == 2


def test_only_the_last_frames_are_compared_letter_by_letter() -> None:
    """Comparing thousands of frames takes seconds, so an early similar one does not count."""
    frames = [{"text": "Rob has connecteD"}, *({"text": f"R{n}"} for n in range(300))]
    expected = WSResponse().with_attribute("text", "Rob has connected")
    (early,) = misses(*frames, expected=[expected])
    (late,) = misses(*reversed(frames), expected=[expected])
    assert early.frame is not None
    assert early.frame > 101
    assert late.frame == 301
