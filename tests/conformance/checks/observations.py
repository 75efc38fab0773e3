"""Observations of right and wrong answers, which the tests of checks share."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from conformance.checks import Checks
from conformance.core.evidence import (
    End,
    Ending,
    JournalEntry,
    Observation,
    Read,
    SentEvent,
    Transcript,
)
from conformance.core.finding import Finding
from conformance.profiles.handoff.payload import asked
from conformance.profiles.handoff.profile import PROFILE
from conformance.wire.response import parse

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Connection: close\r\nX-Accel-Buffering: no\r\n\r\n"
)


TEXTS = ("Hello", " wörld", " 😀", "!")


FAILED = {"error": {"message": "broke off", "type": "upstream_error", "code": None}}


HANDOFF = {
    "prompt": "hi",
    "system": "be brief",
    "model": "m",
    "max_tokens": 5,
    "temperature": 0.5,
    "user_id": "u",
    "test_pattern": "p;t=T",
    "request_id": "r1",
    "body": {"seed": 9007199254740993, "top_p": 1.0},
    "unknown": 1,
}


REQUEST = {
    "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
    "model": "m",
    "max_tokens": 5,
    "temperature": 0.50,
    "user": "u",
    "seed": 9007199254740993,
    "top_p": 1.0,
    "stream": True,
}


def event(value: Any) -> bytes:
    data = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"data: {data}\n\n".encode()


def delta(text: str, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
    return {"id": "1", "choices": [choice], **more}


def simple(*texts: str, done: bool = True) -> bytes:
    return b"".join(event({"content": text}) for text in texts) + (event("[DONE]") if done else b"")


ROLE = {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}


SENT = [ROLE, *(delta(text) for text in TEXTS), delta("", "stop")]


OPENAI = b"".join(event(each) for each in SENT) + event("[DONE]")


SIMPLE = simple(*TEXTS)


BOTH = pytest.mark.parametrize("body", [SIMPLE, OPENAI], ids=["simple", "openai"])


def entry(**changes: Any) -> JournalEntry:
    given: dict[str, Any] = {
        "id": 7,
        "token": "T",
        "pattern": "p",
        "source": "header",
        "key": "k",
        "authorized": True,
        "protocol": "h2",
        "transport": "tls",
        "connection": 1,
        "stream": 1,
        "method": "POST",
        "path": "/v1/chat/completions",
        "headers": (("x-test-pattern", "p;t=T"), ("x-request-id", "r1")),
        "body": json.dumps(REQUEST).encode(),
        "received_at": 100.001,
        "status": 200,
        "bytes_sent": 900,
        "events": tuple(
            SentEvent(100.002, each if isinstance(each, str) else json.dumps(each))
            for each in [*SENT, "[DONE]"]
        ),
        "end": End.FINISHED,
        "ended_at": 100.003,
    }
    return JournalEntry(**{**given, **changes})


def checks(
    body: bytes,
    *,
    head: bytes = HEAD,
    ending: Ending = Ending.EOF,
    upstream: tuple[JournalEntry, ...] | None = None,
    handoff: dict[str, Any] | None = None,
    clause: str | None = None,
    declared: tuple[str, ...] = (),
) -> Checks:
    raw = head + body
    reads = (Read(100.013, raw),) if raw else ()
    given = HANDOFF if handoff is None else handoff
    transcript = Transcript(json.dumps(given).encode(), 100.0, reads, ending, 100.5)
    entries = (entry(),) if upstream is None else upstream
    observation = Observation(
        parse(transcript), entries, asked(transcript.request), declared=declared
    )
    return Checks(observation, clause=clause)


def cited(finding: Finding) -> str | None:
    """The clause that the profile `handoff` blames."""
    return finding.clause or (finding.kind and PROFILE.blame[finding.kind])


Judging = Callable[[Checks], object]


def found(judged: Checks, judging: Judging) -> list[tuple[str, str | None]]:
    assert judging(judged) is judged, "a check returns the Checks it was called on"
    return [(each.check, cited(each)) for each in judged.failures]


EVERY: dict[str, Judging] = {
    "no_error": lambda c: c.no_error(),
    "http_status": lambda c: c.http_status(200),
    "header": lambda c: c.header("connection", "close"),
    "header_contains": lambda c: c.header_contains("Content-Type", "Event-Stream"),
    "no_header": lambda c: c.no_header("Content-Length"),
    "sse_format": lambda c: c.sse_format(),
    "utf8_valid": lambda c: c.utf8_valid(),
    "chunk_count": lambda c: c.chunk_count(4),
    "chunk_count_at_least": lambda c: c.chunk_count_at_least(4),
    "finish_reason": lambda c: c.finish_reason("stop"),
    "done_marker": lambda c: c.done_marker(),
    "ended": lambda c: c.ended(),
    "applied": lambda c: c.applied("p"),
    "request_unchanged": lambda c: c.request_unchanged(),
    "nothing_added": lambda c: c.nothing_added(),
    "content": lambda c: c.content("Hello wörld 😀!"),
    "content_contains": lambda c: c.content_contains("ö", "😀"),
    "content_as_sent": lambda c: c.content_as_sent(),
    "events_in_order": lambda c: c.events_in_order(),
}
"""What must hold of a right answer to a right request."""


FAILING: dict[str, Judging] = {
    "failed_stream": lambda c: c.failed_stream(),
    "error_message": lambda c: c.error_message("broke off"),
    "no_finish_reason": lambda c: c.no_finish_reason(),
    "no_done_marker": lambda c: c.no_done_marker(),
}
"""What must hold of a stream that failed."""


STREAM = simple(*TEXTS, done=False)
