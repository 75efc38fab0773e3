"""The response parser: formats, the meaning of events, and of the connection's end."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.core.evidence import Ending, Format, Kind, Read, Response, Transcript
from conformance.profiles.relay.blame import BLAME
from conformance.wire.http1_message import SELF_DELIMITED
from conformance.wire.response import ResponseParser, parse

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Connection: close\r\nX-Accel-Buffering: no\r\n\r\n"
)
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
SIMPLE = b'data: {"content":"a"}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"m","type":"t","code":null}}\n\n'


def response(*reads: bytes, ending: Ending = Ending.EOF) -> Response:
    stamped = tuple(Read(10.0 + number, data) for number, data in enumerate(reads))
    return parse(Transcript(b"{}", 9.0, stamped, ending, 20.0))


def stream(body: bytes, ending: Ending = Ending.EOF) -> Response:
    return response(HEAD + body, ending=ending)


def broken(seen: Response) -> list[tuple[str, str]]:
    return [(each.rule, BLAME[each.kind]) for each in seen.violations]


@pytest.mark.parametrize(("chunk", "form"), [(CHUNK, Format.OPENAI), (SIMPLE, Format.SIMPLE)])
def test_recognises_both_formats(chunk: bytes, form: Format) -> None:
    seen = stream(chunk + chunk + DONE)
    assert [each.kind for each in seen.events] == [Kind.CHUNK, Kind.CHUNK, Kind.DONE]
    assert seen.format is form
    assert seen.violations == ()


def test_places_and_times_events() -> None:
    seen = response(HEAD, SIMPLE[:5], SIMPLE[5:] + DONE)
    assert [(each.offset - len(HEAD), each.at) for each in seen.events] == [
        (0, 12.0),
        (len(SIMPLE), 12.0),
    ]
    assert seen.body_offset == len(HEAD)
    assert seen.body == SIMPLE + DONE


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ('{"choices":[]}', Kind.CHUNK),
        ('{"choices":null}', Kind.CHUNK),
        ('{"object":"chat.completion.chunk"}', Kind.CHUNK),
        ('{"choices":[],"error":null}', Kind.CHUNK),
        ('{"content":""}', Kind.CHUNK),
        ('{"error":{"message":"m"}}', Kind.ERROR),
        ('{"error":"m"}', Kind.ERROR),
        ("[DONE]", Kind.DONE),
    ],
)
def test_recognises_events(data: str, kind: Kind) -> None:
    seen = stream(f"data: {data}\n\n".encode())
    assert [each.kind for each in seen.events] == [kind]
    assert seen.violations == ()


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        ("[done]", "an event's data is JSON or [DONE]"),
        ("[DONE] ", "an event's data is JSON or [DONE]"),
        ('{"content":"a"', "an event's data is JSON or [DONE]"),
        ('{"content":NaN}', "an event's data is JSON or [DONE]"),
        ("[" * 100_000, "an event's data is JSON or [DONE]"),
        ('{"content":"a"}{"content":"b"}', "an event's data is one JSON value"),
        ('{"content":"a"}\ndata: {"content":"b"}', "an event's data is one JSON value"),
        ('{"text":"a"}', "an event is a chunk, an error or [DONE]"),
        ('{"content":7}', "an event is a chunk, an error or [DONE]"),
        ('"content"', "an event is a chunk, an error or [DONE]"),
        ("null", "an event is a chunk, an error or [DONE]"),
        ("", "an event carries data (contract R2)"),
    ],
)
def test_notes_events_that_no_format_knows(data: str, rule: str) -> None:
    seen = stream(f"data: {data}\n\n".encode())
    assert [each.kind for each in seen.events] == [Kind.OTHER]
    assert broken(seen) == [(rule, "R2")]
    assert seen.violations[0].offset == len(HEAD)


def test_names_are_for_other_events() -> None:
    assert stream(b'event: ping\ndata: {"t":1}\n\n').violations == ()
    assert stream(b"event: error\n" + ERROR).violations == ()
    assert stream(b"event: message\n" + SIMPLE).violations == ()
    ((rule, clause),) = broken(stream(b"event: delta\n" + SIMPLE))
    assert rule.startswith("a chunk has no event name")
    assert clause == "R2"


def test_notes_mixed_formats_once() -> None:
    seen = stream(SIMPLE + CHUNK + SIMPLE + CHUNK)
    assert seen.format is None
    assert broken(seen) == [("all chunks are in one format, simple or openai", "R2")]
    assert seen.violations[0].offset == len(HEAD + SIMPLE)


def test_numbers_are_exact() -> None:
    seen = stream(b'data: {"choices":[],"a":9007199254740993,"b":0.10}\n\n')
    assert seen.events[0].json["a"] == 9007199254740993
    assert seen.events[0].json["b"].as_tuple() == Decimal("0.10").as_tuple()


@pytest.mark.parametrize(
    "after", [DONE, SIMPLE, b": bye\n\n", b": bye", b"x", b"\ndata: {", b"\n\nid: 1\n"]
)
def test_notes_what_follows_done(after: bytes) -> None:
    seen = stream(SIMPLE + DONE + after, ending=Ending.DEADLINE)
    assert ("nothing follows [DONE] (contract R4)", "R4") in broken(seen)
    offset = next(each.offset for each in seen.violations if BLAME[each.kind] == "R4")
    assert offset == len(HEAD + SIMPLE + DONE) + len(after) - len(after.lstrip(b"\n"))


def test_blank_lines_after_done_are_nothing() -> None:
    assert stream(SIMPLE + DONE + b"\n\r\n").violations == ()


@pytest.mark.parametrize("ending", list(Ending))
@pytest.mark.parametrize("cut", [b"data: {", b"data: [DONE]", b"data: [DONE]\n", b": x"])
def test_an_event_is_unfinished_only_at_an_orderly_end(cut: bytes, ending: Ending) -> None:
    expected = [("an event ends with a blank line (HTML 9.2.6)", "R2")]
    seen = stream(SIMPLE + cut, ending)
    assert broken(seen) == (expected if ending.orderly else [])
    assert len(seen.events) == 1


def test_nothing_at_all_breaks_no_rule() -> None:
    seen = response()
    assert (seen.status, seen.body, seen.events, seen.violations) == (None, b"", (), ())


def test_half_a_head_at_eof_does() -> None:
    assert broken(response(HEAD[:30])) == [
        ("a response head ends with an empty line (RFC 9112 2.1)", "R1")
    ]


def test_a_body_shorter_than_its_frame_does() -> None:
    head = HEAD[:-2] + b"Content-Length: 100\r\n\r\n"
    rules = [rule for rule, _ in broken(response(head + SIMPLE))]
    assert "a response is complete only when its whole body came (RFC 9112 8)" in rules


def test_chunked_events_are_placed_in_the_response() -> None:
    head = HEAD[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
    body = b"5\r\n" + SIMPLE[:5] + b"\r\n%x\r\n" % len(SIMPLE[5:]) + SIMPLE[5:] + b"\r\n0\r\n\r\n"
    seen = response(head + body)
    assert [each.offset for each in seen.events] == [len(head) + 3]
    assert seen.body == SIMPLE


def test_other_content_types_have_no_events() -> None:
    seen = response(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\n\r\n" + ERROR)
    assert (seen.status, seen.events, seen.body, seen.violations) == (502, (), ERROR, ())


@pytest.mark.parametrize("value", [b"text/event-stream; charset=utf-8", b"Text/Event-Stream"])
def test_content_type_is_read_as_a_media_type(value: bytes) -> None:
    seen = response(b"HTTP/1.1 200 OK\r\nContent-Type: " + value + b"\r\n\r\n" + SIMPLE)
    assert len(seen.events) == 1


PARTS = st.sampled_from(
    [SIMPLE, CHUNK, DONE, ERROR, b": c\r\n", b"data: {\n", b"\n", "data: 😀\r\r".encode(), b"\xff"]
)
HEADS = st.sampled_from(
    [
        HEAD,
        HEAD[:-2] + b"Transfer-Encoding: chunked\r\n\r\n40\r\n",
        HEAD[:-2] + b"Content-Length: 90\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD,
        b"HTTP/1.1 500 Oh\n\n",
        b"junk",
    ]
)


@given(HEADS, st.lists(PARTS, max_size=8).map(b"".join), st.sampled_from(Ending), st.data())
def test_cuts_make_no_difference(
    head: bytes, body: bytes, ending: Ending, data: st.DataObject
) -> None:
    raw = head + body
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8, unique=True)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True) if a < b]
    one = response(raw, ending=ending)
    many = response(*pieces, ending=ending)
    assert [(e.kind, e.data, e.type, e.offset) for e in many.events] == [
        (e.kind, e.data, e.type, e.offset) for e in one.events
    ]
    assert (many.status, many.headers, many.body, many.body_offset, many.format) == (
        one.status,
        one.headers,
        one.body,
        one.body_offset,
        one.format,
    )
    # How much of what was found a violation can quote may depend on what had arrived.
    assert [(v.rule, v.kind, v.offset) for v in many.violations] == [
        (v.rule, v.kind, v.offset) for v in one.violations
    ]


def test_can_be_asked_before_the_end() -> None:
    parser = ResponseParser()
    assert not parser.head_seen
    reads = (Read(1.0, HEAD + SIMPLE + b"data: [DO"), Read(2.0, b"NE]\n\n"))
    parser.feed(reads[0])
    assert parser.head_seen
    so_far = Transcript(b"", 0.0, reads[:1], Ending.EOF, 1.5)
    assert len(parser.response(so_far).violations) == 1
    parser.feed(reads[1])
    whole = Transcript(b"", 0.0, reads, Ending.EOF, 2.5)
    assert parser.response(whole) == parse(whole)


FRAMED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_where_framing_is_allowed_a_missing_last_chunk_truncates_and_breaks_no_rule() -> None:
    reads = (Read(1.0, FRAMED + b"%x\r\n%b\r\n" % (len(SIMPLE), SIMPLE)),)
    transcript = Transcript(b"", 0.0, reads, Ending.EOF, 1.5)
    seen = parse(transcript, SELF_DELIMITED)
    assert (seen.truncated, seen.violations) == (True, ())
    assert len(seen.events) == 1
    judged = parse(transcript)
    assert not judged.truncated
    assert [BLAME[each.kind] for each in judged.violations] == ["R1", "R1"]


def test_a_cut_head_is_a_violation_whatever_frames_a_body() -> None:
    transcript = Transcript(b"", 0.0, (Read(1.0, HEAD[:30]),), Ending.EOF, 1.5)
    seen = parse(transcript, SELF_DELIMITED)
    assert not seen.truncated
    assert len(seen.violations) == 1
