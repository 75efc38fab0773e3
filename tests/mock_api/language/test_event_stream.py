"""The assembler of the journal: events in a body, however the body is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_api.language.sse import Assembler
from tests.mock_api.clients.event_stream import messages

STREAMS = [
    (b"data: a\n\n", [(9, "a")]),
    (b"data: a\n\ndata: b\n\n", [(9, "a"), (18, "b")]),
    (b"data: a\n", []),
    (b"data: a", []),
    (b"data: a\r\n\r\n", [(10, "a")]),
    (b"data: a\r\r", [(9, "a")]),
    (b"data: a\r\n\n", [(10, "a")]),
    (b"data:a\ndata:  b\n\n", [(17, "a\n b")]),
    (b"data\n\n", []),
    (b"data\ndata\n\n", [(11, "\n")]),
    (b": comment\n\n\n", []),
    (b"event: x\nid: 1\n\n", []),
    (b"event: error\ndata: {}\n\n", [(23, "{}")]),
    (b"\xef\xbb\xbfdata: a\n\n", [(12, "a")]),
    (b"\n\xef\xbb\xbfdata: a\n\n", []),
    ("data: é\u2028\x85\x0b\x0c\n\n".encode(), [(17, "é\u2028\x85\x0b\x0c")]),
    (b"data: \xff\n\n", [(9, "\ufffd")]),
    (b"data : a\n\n", []),
    (b"DATA: a\n\n", []),
]


@pytest.mark.parametrize(("body", "expected"), STREAMS)
def test_events_as_a_receiver_assembles_them(body: bytes, expected: list[tuple[int, str]]) -> None:
    assert [(end, event.data) for end, event in Assembler().feed(body)] == expected


@pytest.mark.parametrize(("body", "expected"), STREAMS)
def test_an_event_is_there_with_its_last_byte_and_not_before(
    body: bytes, expected: list[tuple[int, str]]
) -> None:
    for size in range(len(body) + 1):
        complete = [data for end, data in expected if end <= size]
        assert [event.data for _, event in Assembler().feed(body[:size])] == complete


@pytest.mark.parametrize(("body", "expected"), STREAMS)
def test_events_do_not_depend_on_how_the_body_is_cut(
    body: bytes, expected: list[tuple[int, str]]
) -> None:
    assembler = Assembler()
    found = [
        (at + end, event.data)
        for at in range(len(body))
        for end, event in assembler.feed(body[at : at + 1])
    ]
    assert found == expected


def test_an_event_is_a_message_unless_a_field_names_another_type() -> None:
    body = b"event: ping\ndata: 1\n\ndata: 2\n\nevent: ping\n\ndata: 3\n\nevent\ndata: 4\n\n"
    types = [event.type for _, event in Assembler().feed(body)]
    assert types == [
        "ping",
        "message",
        "message",
        "message",
    ]


PARTS = st.sampled_from(
    (
        *(b"data: a", b"data:", b"data", "data: é\u2028".encode(), b"event: x", b": c", b"id: 1"),
        *(b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\xff", b"x"),
    )
)


@given(st.lists(PARTS, max_size=30).map(b"".join), st.lists(st.integers(0, 200), max_size=6))
def test_any_body_in_any_pieces_as_an_independent_parser_reads_it(
    body: bytes, cuts: list[int]
) -> None:
    assembler = Assembler()
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in pairwise(places)]
    events = [event for piece in pieces for _, event in assembler.feed(piece)]
    assert [(event.type, event.data) for event in events] == messages(body)
