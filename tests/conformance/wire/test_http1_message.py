"""The head and the body's frame: what h11 forgives is judged, and every byte is accounted for."""

import pytest

from conformance.wire.http1_message import SELF_DELIMITED, Framing, HeadRules

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def read(data: bytes) -> tuple[Framing, bytes]:
    """Feed it at once and, on another reader, byte by byte: both must see the same."""
    whole, drip = Framing(), Framing()
    pieces = whole.feed(data)
    drops = [piece for byte in data for piece in drip.feed(bytes([byte]))]
    body = b"".join(piece for _, piece in pieces)
    assert b"".join(piece for _, piece in drops) == body
    assert (drip.status, drip.headers, drip.body_offset) == (
        whole.status,
        whole.headers,
        whole.body_offset,
    )
    assert [each.rule for each in drip.violations] == [each.rule for each in whole.violations]
    assert drip.unfinished() == whole.unfinished()
    for offset, piece in pieces:
        assert data[offset : offset + len(piece)] == piece
    return whole, body


def rules(framing: Framing) -> list[tuple[str, int]]:
    return [(each.rule, each.offset) for each in framing.violations]


def test_reads_head_and_body_to_the_end() -> None:
    framing, body = read(HEAD + b"X-A: 1\r\nX-A: 2\r\n\r\nbody\r\n\r\n")
    assert framing.status == 200
    assert framing.headers == (("content-type", "text/event-stream"), ("x-a", "1"), ("x-a", "2"))
    assert body == b"body\r\n\r\n"
    assert framing.violations == []
    assert framing.unfinished() is None


def test_header_values_are_utf8_or_one_byte_a_character() -> None:
    framing, _ = read(HEAD + "X-A: é\r\nX-B: ".encode() + b"\xe9\r\n\r\n")
    assert dict(framing.headers)["x-a"] == "é"
    assert dict(framing.headers)["x-b"] == "é"


@pytest.mark.parametrize(
    ("data", "rule", "offset"),
    [
        (b"HTTP/1.1 200 OK\nA: b\r\n\r\n", "header lines end in CRLF (RFC 9112 2.2)", 0),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\n", "header lines end in CRLF (RFC 9112 2.2)", 17),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\n", "header lines end in CRLF (RFC 9112 2.2)", 23),
        (
            b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            "a header field is not folded over lines (RFC 9112 5.2)",
            23,
        ),
        (b"HTTP/1.1 200\r\n\r\n", "a status line is `HTTP/1.1 CODE REASON` (RFC 9112 4)", 0),
        (b"HTTP/1.0 200 OK\r\n\r\n", "a status line is `HTTP/1.1 CODE REASON` (RFC 9112 4)", 0),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"\r\n", "one head is sent, the final one", 0),
        (
            HEAD + b"Content-Type: text/plain\r\n\r\n",
            "Content-Type is sent once (RFC 9110 8.3)",
            0,
        ),
        (
            HEAD + b"Content-Encoding: gzip\r\n\r\n",
            "an event stream has no Content-Encoding (contract R1)",
            0,
        ),
    ],
)
def test_judges_what_h11_forgives(data: bytes, rule: str, offset: int) -> None:
    framing, _ = read(data)
    assert framing.status == 200
    assert rules(framing) == [(rule, offset)]


@pytest.mark.parametrize(
    "data",
    [
        b"data: [DONE]\n\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_an_unreadable_head_has_no_status_and_all_bytes_are_body(data: bytes) -> None:
    framing = Framing()
    pieces = framing.feed(data)
    assert framing.seen
    assert framing.status is None
    assert [each.rule for each in framing.violations] == [
        "a response begins with an HTTP/1.1 head (RFC 9112 4)"
    ]
    assert pieces == [(0, data)]


@pytest.mark.parametrize("data", [b"", b"HT", HEAD, HEAD + b"\r"])
def test_a_head_without_end_is_unfinished(data: bytes) -> None:
    framing, body = read(data)
    assert not framing.seen
    assert framing.unfinished() is not None
    assert body == b""


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "decoded", "broken", "complete"),
    [
        (b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", b"hello!", None, True),
        (b"5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", b"hello", None, True),
        (b"5\r\nhello\r\n", b"hello", None, False),
        (b"5\r\nhel", b"hel", None, False),
        (b"5\nhello\r\n0\r\n\r\n", b"", "chunked lines end in CRLF (RFC 9112 7.1)", True),
        (b"x\r\nhello\r\n", b"", "a chunk begins with its size in hex (RFC 9112 7.1)", True),
        (b"-5\r\nhello\r\n", b"", "a chunk begins with its size in hex (RFC 9112 7.1)", True),
        (b"5\r\nhello!\r\n", b"hello", "a chunk's data ends in CRLF (RFC 9112 7.1)", True),
        (b"0\r\n\r\nmore", b"", "nothing follows the last chunk (RFC 9112 7.1)", True),
    ],
)
def test_chunks_are_decoded_and_noted(
    body: bytes, decoded: bytes, broken: str | None, complete: bool
) -> None:
    framing, found = read(CHUNKED + body)
    assert found == decoded
    expected = ["an event stream has no Transfer-Encoding (contract R1)"]
    assert [rule for rule, _ in rules(framing)] == expected + ([broken] if broken else [])
    assert (framing.unfinished() is None) is complete


@pytest.mark.parametrize(
    ("body", "decoded", "broken", "complete"),
    [
        (b"hello", b"hello", False, True),
        (b"hel", b"hel", False, False),
        (b"hello!", b"hello", True, True),
    ],
)
def test_a_length_is_held_and_noted(
    body: bytes, decoded: bytes, broken: bool, complete: bool
) -> None:
    framing, found = read(HEAD + b"Content-Length: 5\r\n\r\n" + body)
    assert found == decoded
    expected = ["an event stream has no Content-Length (contract R1)"]
    more = ["nothing follows the announced length (RFC 9112 6.3)"] if broken else []
    assert [rule for rule, _ in rules(framing)] == expected + more
    assert (framing.unfinished() is None) is complete


@pytest.mark.parametrize("name", [b"Content-Length: 2", b"Transfer-Encoding: chunked"])
def test_an_error_may_be_framed(name: bytes) -> None:
    body = b"{}" if b"Length" in name else b"2\r\n{}\r\n0\r\n\r\n"
    framing, found = read(b"HTTP/1.1 502 Bad Gateway\r\n" + name + b"\r\n\r\n" + body)
    assert (framing.status, found, framing.violations) == (502, b"{}", [])


@pytest.mark.parametrize(
    ("field", "body", "ends_at"),
    [
        (b"Content-Length: 5\r\n", b"hello", 5),
        (b"Content-Length: 0\r\n", b"", 0),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n", 15),
        (b"Transfer-Encoding: chunked\r\n", b"0\r\nTrailer: x\r\n\r\n", 17),
        (b"", b"hello", None),
    ],
)
def test_a_message_ends_with_its_last_byte_where_framing_is_allowed(
    field: bytes, body: bytes, ends_at: int | None
) -> None:
    framing = Framing(SELF_DELIMITED)
    head = HEAD + field + b"\r\n"
    ended = []
    for number, byte in enumerate(head + body, start=1):
        framing.feed(bytes([byte]))
        if framing.message_ended:
            ended.append(number - len(head))
    assert ended[:1] == ([] if ends_at is None else [ends_at])
    assert framing.violations == []


def test_a_message_does_not_end_by_a_framing_that_is_not_allowed() -> None:
    framing = Framing()
    framing.feed(HEAD + b"Content-Length: 5\r\n\r\nhello")
    assert not framing.message_ended


def test_only_an_accepted_coding_is_allowed() -> None:
    rules_ = HeadRules(framed=True, codings=frozenset({"gzip"}))
    for coding, count in ((b"gzip", 0), (b"GZIP", 0), (b"br", 1)):
        framing = Framing(rules_)
        framing.feed(HEAD + b"Content-Encoding: " + coding + b"\r\n\r\n")
        assert len(framing.violations) == count
