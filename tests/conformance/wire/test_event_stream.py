"""The event-stream parser against the WHATWG rules, and against how reads may be cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.profiles.relay.blame import BLAME
from conformance.wire.event_stream import Dispatched, EventStream


def events_of(data: bytes) -> list[tuple[str, str]]:
    return [(each.type, each.data) for each in EventStream().feed(data, 0)]


def rules_of(data: bytes) -> list[str]:
    stream = EventStream()
    stream.feed(data, 0)
    return [each.rule for each in stream.violations]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"data: a\n\n", [("message", "a")]),
        (b"data:a\n\n", [("message", "a")]),
        (b"data:  a \n\n", [("message", " a ")]),
        (b"data: a\r\n\r\n", [("message", "a")]),
        (b"data: a\r\r", [("message", "a")]),
        (b"data: a\r\n\n", [("message", "a")]),
        (b"data: a\ndata: b\n\n", [("message", "a\nb")]),
        (b"data: a\n\n\n\ndata: b\n\n", [("message", "a"), ("message", "b")]),
        (b"data\n\n", [("message", "")]),
        (b"data:\ndata:\n\n", [("message", "\n")]),
        (b": comment\n\ndata: a\n: comment\n\n", [("message", "a")]),
        (b"event: ping\ndata: a\n\ndata: b\n\n", [("ping", "a"), ("message", "b")]),
        (b"event: ping\n\ndata: b\n\n", [("message", "b")]),
        (b"id: 1\nretry: 5\n\n", []),
        (b"data: a\n", []),
        (b"data: a", []),
        (b"\xef\xbb\xbfdata: a\n\n", [("message", "a")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
        (b"\n\xef\xbb\xbfdata: a\n\n", []),
        ("data: \u2028\u2029\x85\x0b\x0c\n\n".encode(), [("message", "\u2028\u2029\x85\x0b\x0c")]),
    ],
)
def test_dispatches_as_the_rules_say(data: bytes, expected: list[tuple[str, str]]) -> None:
    assert events_of(data) == expected


@pytest.mark.parametrize(
    ("data", "rule", "clause", "offset"),
    [
        (b"data: a\n\ndata:\n\n", "an event carries data (contract R2)", "R2", 9),
        (b"dat: a\n\n", "a field is data, event, id or retry (HTML 9.2.6)", "R2", 0),
        (b"Data: a\n\n", "a field is data, event, id or retry (HTML 9.2.6)", "R2", 0),
        (b"data: a\xff\n\n", "an event stream is UTF-8 (HTML 9.2.5)", "R3", 7),
        (b": \xe4\xb8\n\n", "an event stream is UTF-8 (HTML 9.2.5)", "R3", 2),
        (b"\xef\xbb\xbfdata: \xff\n\n", "an event stream is UTF-8 (HTML 9.2.5)", "R3", 9),
        (b"data: \xed\xa0\x80\n\n", "an event stream is UTF-8 (HTML 9.2.5)", "R3", 6),
    ],
)
def test_notes_what_a_reader_forgives(data: bytes, rule: str, clause: str, offset: int) -> None:
    stream = EventStream()
    stream.feed(data, 0)
    (violation,) = stream.violations
    assert (violation.rule, BLAME[violation.kind], violation.offset) == (rule, clause, offset)


def test_replaces_invalid_bytes_as_a_decoder_would() -> None:
    assert events_of(b"data: \xe4\xb8!\n\n") == [("message", "\ufffd!")]


def test_says_where_an_event_starts() -> None:
    stream = EventStream()
    events = stream.feed(b": hi\n\ndata: a\n\nevent: x\ndata: b\n\n", 100)
    assert [each.offset for each in events] == [106, 115]


def test_a_carriage_return_dispatches_at_once() -> None:
    stream = EventStream()
    stream.feed(b"data: a\r", 0)
    assert stream.feed(b"\r", 8) == [Dispatched("a", "message", 0)]
    assert stream.feed(b"\ndata: b\n\n", 9) == [Dispatched("b", "message", 10)]


@pytest.mark.parametrize(
    ("data", "unfinished"),
    [
        (b"data: a\n\n", None),
        (b"data: a\n\n: bye\n", None),
        (b"data: a\n\nid: 7\n", None),
        (b"data: a\n\ndata: b\n", 9),
        (b"data: a\n\ndata: b", 9),
        (b"data: a\n\ndata: b\nda", 9),
        (b"data: a\n\n\nda", 10),
        (b"data: a\n\n: by", 9),
    ],
)
def test_says_what_the_end_would_cut_off(data: bytes, unfinished: int | None) -> None:
    stream = EventStream()
    stream.feed(data, 0)
    assert stream.unfinished() == unfinished


LINES = st.sampled_from(
    [
        b"data: a",
        b"data:",
        b"data: \xf0\x9f\x98\x80\xe4\xb8\xad",
        b"data: \xf0\x9f",
        b"event: ping",
        b": comment",
        b"id: 4",
        b"junk",
        b"\xef\xbb\xbfdata: b",
        b"",
        b"",
        b"",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r", b""])


@given(
    st.lists(st.tuples(LINES, ENDS), max_size=12).map(
        lambda parts: b"".join(line + end for line, end in parts)
    ),
    st.data(),
)
def test_cuts_make_no_difference(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    whole, parts = EventStream(), EventStream()
    expected = whole.feed(stream, 50)
    found: list[Dispatched] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += parts.feed(stream[start:end], 50 + start)
    assert found == expected
    assert parts.violations == whole.violations
    assert parts.unfinished() == whole.unfinished()
    assert parts.trailing == whole.trailing
