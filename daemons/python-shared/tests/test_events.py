"""The event-stream parser, whatever the cuts."""

from __future__ import annotations

import pytest
from llm_api.events import MAX_EVENT, Event, EventParser


def parse(*reads: bytes) -> list[bytes]:
    parser = EventParser()
    return [event.data for read in reads for event in parser.feed(read)]


STREAMS = [
    (b"data: a\n\ndata:b\n\n", [b"a", b"b"]),
    (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    (b"data: a\ndata: b\r\ndata:  c\r\n\n", [b"a\nb\n c"]),
    (b"data\n\ndata\ndata\n\n", [b"", b"\n"]),
    (b": c\n\n:\nid: 1\n\nretry: 5\n\nevent: x\n\n\n\ndata: a\nfoo: b\ndatax\n\n", [b"a"]),
    (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
    ("data: \u2028\u0085\x0b\x0c\x1c😀\n\n".encode(), ["\u2028\u0085\x0b\x0c\x1c😀".encode()]),
    (b"\n\r\n\rdata: a\n\n", [b"a"]),
]


@pytest.mark.parametrize(("stream", "expected"), STREAMS)
def test_whole_and_cut_everywhere(stream: bytes, expected: list[bytes]) -> None:
    assert parse(stream) == expected
    assert parse(*(stream[i : i + 1] for i in range(len(stream)))) == expected
    for cut in range(len(stream)):
        assert parse(stream[:cut], b"", stream[cut:]) == expected


def test_an_event_ended_by_cr_is_complete_at_once() -> None:
    parser = EventParser()
    assert parser.feed(b"data: a\r\r") == [Event(b"", b"a")]
    assert parser.feed(b"\ndata: b\r\n\r") == [Event(b"", b"b")]
    assert parser.feed(b"\n") == []


def test_the_type_belongs_to_its_event_alone() -> None:
    events = EventParser().feed(b"event: error\ndata: a\n\ndata: b\n\nevent: x\n\ndata: c\n\n")
    assert [event.type for event in events] == [b"error", b"", b""]


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b"", None),
        (b"data: a\n\n", None),
        (b": comment", None),
        (b"data: a", b"a"),
        (b"data: a\n", b"a"),
        (b"data: a\ndata: b", b"a\nb"),
        (b"dat", b"dat"),
        (b"data", b"data"),
        (b"data: ", b"data: "),
        (b"\xef\xbb", b"\xef\xbb"),
    ],
)
def test_an_event_that_the_end_cuts_short_is_not_lost(rest: bytes, expected: bytes | None) -> None:
    parser = EventParser()
    parser.feed(rest)
    event = parser.finish()
    assert (event and event.data) == expected


def test_an_endless_line_overflows_after_the_events_before_it() -> None:
    parser = EventParser()
    assert parser.feed(b"data: a\n\ndata: " + b"x" * MAX_EVENT) == [Event(b"", b"a")]
    assert parser.overflow
    assert parser.feed(b"\n\ndata: b\n\n") == []


def test_endless_data_lines_overflow() -> None:
    parser = EventParser()
    for _ in range(MAX_EVENT // 1000 + 1):
        assert parser.feed(b"data: " + b"x" * 1000 + b"\n") == []
    assert parser.overflow


def test_errors_are_dispatched_without_data() -> None:
    events = EventParser().feed(b"event: error\n\nerror: boom\n\nerror\n\ndata: a\n\n")
    assert events == [
        Event(b"error", b""),
        Event(b"", b"", b"boom"),
        Event(b"", b"", b""),
        Event(b"", b"a"),
    ]
