"""The page of evidence: complete, bounded, and readable."""

from conformance.core.evidence import (
    End,
    Ending,
    JournalEntry,
    Observation,
    Read,
    SentEvent,
    Transcript,
)
from conformance.profiles.relay.transcript_text import evidence_text
from conformance.wire.response import parse

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-A: 1\r\n\r\n"
EVENT = 'data: {"content":"é"}\n\n'.encode()


def entry(events: int, ended_at: float | None = 100.25) -> JournalEntry:
    return JournalEntry(
        id=3,
        token="T",
        pattern="short",
        source="header",
        key="k",
        authorized=True,
        protocol="h2",
        transport="tls",
        connection=1,
        stream=5,
        method="POST",
        path="/v1/chat/completions",
        headers=(),
        body=b'{"stream":true}',
        received_at=100.001,
        status=200,
        bytes_sent=321,
        events=tuple(SentEvent(100.002 + n / 1000, f"event {n}") for n in range(events)),
        end=End.RUNNING if ended_at is None else End.FINISHED,
        ended_at=ended_at,
    )


def text(
    *reads: bytes, ending: Ending = Ending.EOF, upstream: tuple[JournalEntry, ...] = ()
) -> str:
    stamped = tuple(Read(100.01 + number / 1000, data) for number, data in enumerate(reads))
    transcript = Transcript(b'{"prompt":"hi"}', 100.0, stamped, ending, 100.5)
    return evidence_text(Observation(parse(transcript), upstream))


def test_a_short_exchange_in_full() -> None:
    page = text(HEAD, EVENT + b": hm\n\n", EVENT, upstream=(entry(2),))
    assert page == "\n".join(
        [
            'handoff  b\'{"prompt":"hi"}\'',
            "client   status 200",
            "  b'HTTP/1.1 200 OK\\r\\n'",
            "  b'Content-Type: text/event-stream\\r\\n'",
            "  b'X-A: 1\\r\\n'",
            "  b'\\r\\n'",
            '  +0.011 s  byte 60     b\'data: {"content":"\\xc3\\xa9"}\\n\\n: hm\\n\\n\'',
            '  +0.012 s  byte 90     b\'data: {"content":"\\xc3\\xa9"}\\n\\n\'',
            "  +0.500 s  EOF, after 114 bytes in 3 reads",
            "upstream request 3: POST /v1/chat/completions, h2 over tls, authorized, "
            "pattern 'short' (header)",
            "  +0.001 s  received b'{\"stream\":true}'",
            "  +0.002 s  sent 'event 0'",
            "  +0.003 s  sent 'event 1'",
            "  +0.250 s  finished, status 200, 321 bytes, 2 events",
        ]
    )


def test_nothing() -> None:
    page = text(ending=Ending.DEADLINE)
    assert "client   nothing arrived\n" in page
    assert "+0.500 s  the connection is still open, after 0 bytes in 0 reads" in page
    assert page.endswith("the API received no request with this exchange's token")


def test_stays_on_one_screen() -> None:
    head = HEAD[:-2] + b"".join(b"X-%d: %s\r\n" % (n, b"v" * 500) for n in range(50)) + b"\r\n"
    long = b'data: {"content":"' + b"x" * 5000 + b'"}\n\n'
    requests = tuple(entry(100, ended_at=None) for _ in range(9))
    page = text(head, *[long] * 200, ending=Ending.RESET, upstream=requests)
    lines = page.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 140
    assert "  … 192 more …" in lines
    assert "a connection reset, after" in page
    assert "7 more requests" in page
    assert "running, status 200" in page
    first, last = f"byte {len(head)} ", f"byte {len(head) + 199 * len(long)} "
    assert first in page
    assert last in page


def test_a_response_without_head_and_one_that_is_no_stream() -> None:
    assert "byte 0      b'data: x\\n\\n'" in text(b"data: x\n\n")
    page = text(b'HTTP/1.1 502 Bad\r\n\r\n{"error":1}')
    assert "client   status 502" in page
    assert "byte 20     b'{\"error\":1}'" in page
