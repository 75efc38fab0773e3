"""Every check holds where it should, and fails, citing the right clause, where it should not."""

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
) -> Checks:
    raw = head + body
    reads = (Read(100.013, raw),) if raw else ()
    given = HANDOFF if handoff is None else handoff
    transcript = Transcript(json.dumps(given).encode(), 100.0, reads, ending, 100.5)
    entries = (entry(),) if upstream is None else upstream
    observation = Observation(parse(transcript), entries, asked(transcript.request))
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


@BOTH
@pytest.mark.parametrize("name", EVERY)
def test_holds_of_a_right_answer(name: str, body: bytes) -> None:
    assert found(checks(body), EVERY[name]) == []


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize(
    "body",
    [simple(*TEXTS, done=False), b"".join(event(each) for each in SENT[:-1])],
    ids=["simple", "openai"],
)
def test_holds_of_a_failed_stream(name: str, body: bytes) -> None:
    assert found(checks(body + event(FAILED)), FAILING[name]) == []


BAD = [
    # The head
    ("http_status", {"head": HEAD.replace(b"200 OK", b"206 Part")}, "R1", "status 206"),
    ("header", {"head": HEAD.replace(b"close", b"keep-alive")}, "R1", "keep-alive"),
    ("header", {"head": HEAD.replace(b"Connection: close\r\n", b"")}, "R1", "no connection"),
    ("header_contains", {"head": HEAD.replace(b"/event-stream", b"/plain")}, "R1", "text/plain"),
    ("no_header", {"head": HEAD[:-2] + b"Content-Length: 9\r\n\r\n"}, "R1", "Content-Length: 9"),
    # Errors
    ("no_error", {"body": simple(*TEXTS[:3], done=False) + event(FAILED)}, "R2", "broke off"),
    ("no_error", {"body": simple(*TEXTS, done=False) + event(FAILED)}, "R4", "broke off"),
    ("no_error", {"body": b""}, "R2", "0 events, then EOF"),
    # The stream
    ("sse_format", {"body": b"dat: a\n\n" + SIMPLE}, "R2", "dat: a"),
    ("sse_format", {"body": SIMPLE.replace("ö".encode(), b"\xff")}, "R3", "xff"),
    ("sse_format", {"body": SIMPLE + b"bye"}, "R4", "bye"),
    ("sse_format", {"body": b""}, "R2", "0 events"),
    ("sse_format", {"head": HEAD[:-2] + b"Content-Length: 153\r\n\r\n"}, "R1", "153"),
    ("utf8_valid", {"body": SIMPLE.replace("ö".encode(), b"\xc3")}, "R3", "xc3"),
    ("utf8_valid", {"body": b""}, "R3", "0 events"),
    ("chunk_count", {"body": simple(*TEXTS[:3])}, "R2", "3 with text"),
    ("chunk_count", {"body": simple(*TEXTS, "x")}, "R2", "5 with text"),
    ("chunk_count_at_least", {"body": simple(*TEXTS[:3])}, "R2", "3 with text"),
    # The end
    ("finish_reason", {"body": OPENAI.replace(b'"stop"', b'"length"')}, "R2", "'length'"),
    ("finish_reason", {"body": OPENAI.replace(b'"stop"', b"null")}, "R2", "none"),
    ("finish_reason", {"body": OPENAI + event(delta("", "stop"))}, "R2", "'stop', 'stop'"),
    ("finish_reason", {"body": simple(*TEXTS, done=False)}, "R4", "none; status 200, 4 events"),
    ("done_marker", {"body": simple(*TEXTS, done=False)}, "R4", "none; status 200, 4 events"),
    ("done_marker", {"body": SIMPLE + event("[DONE]")}, "R4", "2 of them"),
    ("done_marker", {"body": event("[DONE]") + simple(*TEXTS, done=False)}, "R4", "after it came"),
    ("done_marker", {"body": SIMPLE + b": bye\n\n"}, "R4", ": bye"),
    ("done_marker", {"ending": Ending.RESET}, "R8", "reset"),
    ("done_marker", {"ending": Ending.DEADLINE}, "R8", "still open"),
    ("done_marker", {"body": b""}, "R4", "0 events"),
    ("ended", {"ending": Ending.RESET}, "R8", "reset"),
    ("ended", {"ending": Ending.DEADLINE}, "R8", "still open at +0.500 s"),
    ("ended", {"body": SIMPLE[:30], "ending": Ending.DEADLINE}, "R7", "still open"),
    # Both sides
    ("applied", {"upstream": ()}, "U1", "no request"),
    ("applied", {"upstream": (entry(pattern=None),)}, "U1", "the ordinary answer"),
    ("applied", {"upstream": (entry(pattern="q"),)}, "U1", "pattern 'q'"),
    ("applied", {"upstream": (entry(authorized=False),)}, "U1", "bearer key"),
    ("applied", {"upstream": (entry(), entry(id=8))}, "U8", "2 requests"),
    ("content", {"body": simple(*TEXTS[:3])}, "R2", "from character 13 on '' instead of '!'"),
    ("content", {"body": simple("hello", *TEXTS[1:])}, "R3", "'hello"),
    ("content_contains", {"body": simple(*TEXTS[:2])}, "R2", "'Hello wörld'"),
    ("content_contains", {"body": simple(*TEXTS[:2], "?", "!")}, "R3", "'Hello wörld?!'"),
    ("content_as_sent", {"upstream": ()}, "U1", "no request"),
    ("content_as_sent", {"body": simple(*TEXTS[1:])}, "R2", "instead of 'Hello"),
    ("content_as_sent", {"body": simple(*TEXTS, "!")}, "R2", "15 of 14 characters"),
    ("content_as_sent", {"body": simple(TEXTS[1], TEXTS[0], *TEXTS[2:])}, "R2", "character 0"),
    ("content_as_sent", {"body": simple("Hello", " world", " 😀", "!")}, "R3", "character 7"),
    ("content_as_sent", {"body": simple("Hello", "wörld", " 😀", "!")}, "R3", "character 5"),
    ("events_in_order", {"upstream": ()}, "U1", "no request"),
    ("events_in_order", {"body": simple("Hello wörld", *TEXTS[2:])}, "R2", "chunk 1 of 3"),
    ("events_in_order", {"body": simple("hello", *TEXTS[1:])}, "R3", "'Hello'"),
    ("events_in_order", {"body": OPENAI[len(event(ROLE)) :]}, "R2", "chunk 1 of 5 (sent: 6)"),
    ("events_in_order", {"body": OPENAI.replace(b'"id": "1"', b'"id": "2"')}, "R2", "id: expected"),
    ("events_in_order", {"body": OPENAI.replace(b"Hello", b"hello")}, "R3", ".delta.content"),
    (
        "events_in_order",
        {"body": OPENAI.replace(event("[DONE]"), event(delta("", "stop")))},
        "R2",
        "never sent",
    ),
    ("request_unchanged", {"upstream": ()}, "U1", "no request"),
]


@pytest.mark.parametrize(("name", "changes", "clause", "actual"), BAD)
def test_fails_with_its_clause(
    name: str, changes: dict[str, Any], clause: str, actual: str
) -> None:
    judged = checks(**{"body": SIMPLE, **changes})
    assert (name, clause) in found(judged, EVERY[name])
    failure = next(each for each in judged.failures if cited(each) == clause)
    assert actual in failure.actual
    assert failure.expected
    assert failure.where
    assert {cited(each) for each in judged.failures} == {clause}


STREAM = simple(*TEXTS, done=False)


@pytest.mark.parametrize(
    ("name", "body", "clause", "actual"),
    [
        ("failed_stream", STREAM, "R6", "0 error events; status 200, 4 events, then EOF"),
        ("failed_stream", SIMPLE, "R6", "0 error events"),
        ("failed_stream", STREAM + event(FAILED) * 2, "R6", "2 error events"),
        ("failed_stream", STREAM + event(FAILED) + event("[DONE]"), "R6", "after it came '[DONE]'"),
        ("failed_stream", STREAM + event({"error": "x"}), "R6", "no error object"),
        ("failed_stream", STREAM + event({"error": {"message": "m"}}), "R6", "no type and no code"),
        (
            "failed_stream",
            STREAM + event({"error": {"message": "", "type": "t", "code": 1}}),
            "R6",
            "no text for a message",
        ),
        ("failed_stream", STREAM + b'data: {"content":"' + event(FAILED), "R6", "0 error events"),
        ("failed_stream", b"", "R6", "0 events"),
        ("no_finish_reason", event(delta("a", "stop")), "R6", "'stop'"),
        ("no_finish_reason", event(delta("a", "stop", index=1)), "R6", "'stop'"),
        ("no_finish_reason", b"", "R6", "0 events"),
        ("no_done_marker", SIMPLE, "R4", "[DONE]"),
        ("no_done_marker", b"", "R4", "0 events"),
    ],
)
def test_fails_on_what_hides_a_failure(name: str, body: bytes, clause: str, actual: str) -> None:
    judged = checks(body)
    assert set(found(judged, FAILING[name])) == {(name, clause)}
    assert actual in judged.failures[0].actual


def test_a_failed_stream_ends_in_eof() -> None:
    judged = checks(STREAM + event(FAILED), ending=Ending.DEADLINE)
    assert found(judged, FAILING["failed_stream"]) == [("failed_stream", "R8")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"method": "GET"}, "POST {base}/chat/completions"),
        ({"path": "/v1/completions"}, "POST {base}/chat/completions"),
        ({"authorized": False}, "the configured key as bearer token"),
        ({"headers": (("x-request-id", "r1"),)}, "X-Test-Pattern: p;t=T"),
        ({"headers": (("x-test-pattern", "p;t=T"),)}, "X-Request-Id: r1"),
        ({"body": b"{"}, "a JSON object"),
        ({"body": b"[]"}, "a JSON object"),
        *(
            (
                {"body": json.dumps({**REQUEST, **change}).encode()},
                f"{name} as the client's request",
            )
            for name, change in {
                "messages": {"messages": REQUEST["messages"][1:]},  # type: ignore[index]
                "model": {"model": "other"},
                "max_tokens": {"max_tokens": "5"},
                "temperature": {"temperature": 0.51},
                "user": {"user": None},
                "seed": {"seed": 9007199254740992},
                "top_p": {"top_p": 1},
                "stream": {"stream": 1},
            }.items()
        ),
        *(
            (
                {
                    "body": json.dumps(
                        {key: value for key, value in REQUEST.items() if key != name}
                    ).encode()
                },
                f"{name} as the client's request",
            )
            for name in REQUEST
        ),
    ],
)
def test_a_changed_request_is_told(changes: dict[str, Any], expected: str) -> None:
    judged = checks(SIMPLE, upstream=(entry(**changes),)).request_unchanged()
    (failure,) = judged.failures
    assert cited(failure) == "U1"
    assert failure.expected.startswith(expected)
    assert failure.where == "upstream request 7"


def test_an_added_field_is_told_and_a_model_is_none() -> None:
    body = json.dumps({**REQUEST, "stream_options": {"include_usage": True}}).encode()
    (failure,) = checks(SIMPLE, upstream=(entry(body=body),)).nothing_added().failures
    assert (cited(failure), failure.actual) == (
        "U1",
        "stream_options: \"{'include_usage': True}\"",
    )
    body = b'{"messages":[{"role":"user","content":"p"}],"stream":true,"model":"own"}'
    judged = checks(SIMPLE, handoff={"prompt": "p"}, upstream=(entry(body=body),))
    assert judged.request_unchanged().nothing_added().failures == []


def test_messages_win_over_prompt() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "é\ud83d"}]}]
    handoff = {"prompt": "no", "system": "no", "messages": messages}
    body = json.dumps({"messages": messages, "stream": True}).encode()
    assert (
        not checks(SIMPLE, handoff=handoff, upstream=(entry(body=body),))
        .request_unchanged()
        .failures
    )


def test_lone_surrogates_may_be_replaced() -> None:
    sent = (SentEvent(100.0, '{"choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}'),)
    upstream = (entry(events=sent),)
    for text in ("a\ufffd", "a\\ud83d"):
        for body in (f'{{"content":"{text}"}}', sent[0].data.replace("a\\ud83d", text)):
            judged = checks(event(body), upstream=upstream).content_as_sent().events_in_order()
            assert judged.failures == []


def test_what_the_api_sent_after_done_is_not_expected() -> None:
    more = (*entry().events, SentEvent(100.1, json.dumps(delta("junk"))))
    judged = checks(SIMPLE, upstream=(entry(events=more),))
    assert judged.content_as_sent().events_in_order().failures == []


def test_events_with_a_name_are_no_part_of_the_answer() -> None:
    pings = (SentEvent(100.0, "[DONE]", "ping"), SentEvent(100.0, json.dumps(delta("x")), "ping"))
    judged = checks(SIMPLE, upstream=(entry(events=(*pings, *entry().events)),))
    assert judged.content_as_sent().events_in_order().failures == []


# One cause is told once


def all_checks(judged: Checks) -> list[tuple[str, str | None]]:
    for judging in (*EVERY.values(), *FAILING.values()):
        judging(judged)
    return [(each.check, cited(each)) for each in judged.failures]


def test_nothing_arrived_and_no_request_is_one_finding() -> None:
    judged = checks(b"", head=b"", upstream=())
    assert all_checks(judged) == [("no_error", "H1")]
    assert judged.failures[0].actual == (
        "nothing arrived, then EOF at +0.500 s; the API received no request"
    )


@pytest.mark.parametrize("name", [*EVERY, *FAILING])
@pytest.mark.parametrize(
    "seen",
    [
        {"body": b"", "head": b"", "upstream": ()},
        {"body": b"", "head": b"", "upstream": (), "ending": Ending.DEADLINE},
        {"body": b"", "head": b"", "upstream": (), "ending": Ending.RESET},
    ],
    ids=["eof", "silent", "reset"],
)
def test_nothing_at_all_fails_every_check(name: str, seen: dict[str, Any]) -> None:
    failures = found(checks(**seen), {**EVERY, **FAILING}[name])
    if name == "ended" and "ending" not in seen:
        assert failures == []  # an EOF is one also where nothing came before it
    else:
        assert failures == [(name, "U1" if name in RELAYED else "H1")]


def test_an_error_and_the_done_that_it_forbids_are_one_finding() -> None:
    judged = checks(STREAM + event(FAILED)).no_error().done_marker()
    assert [(each.check, cited(each)) for each in judged.failures] == [("no_error", "R4")]
    assert not judged.complete
    assert checks(SIMPLE).complete


RELAYED = ("request_unchanged", "nothing_added", "content_as_sent", "events_in_order")


@pytest.mark.parametrize(
    ("ending", "clause"), [(Ending.DEADLINE, "R7"), (Ending.EOF, "R2"), (Ending.RESET, "R2")]
)
def test_silence_after_the_api_was_asked_is_not_the_handoffs(ending: Ending, clause: str) -> None:
    judged = checks(b"", head=b"", ending=ending).applied("p").no_error().content("x")
    assert [(each.check, cited(each)) for each in judged.failures] == [("no_error", clause)]


def test_an_answer_from_a_can_is_red() -> None:
    judged = checks(SIMPLE, upstream=()).applied("p").no_error().content_as_sent().done_marker()
    assert [(each.check, cited(each)) for each in judged.failures] == [("applied", "U1")]


def test_a_refusal_is_told_once() -> None:
    head = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\n\r\n"
    judged = checks(json.dumps(FAILED).encode(), head=head)
    judged.no_error().http_status(200).chunk_count(4).content_as_sent().done_marker()
    assert [(each.check, cited(each)) for each in judged.failures] == [("no_error", "R1")]
    assert judged.failures[0].actual.startswith('status 502, body b\'{"error"')


def test_an_unreadable_head_is_told_once() -> None:
    judged = checks(SIMPLE, head=b"")
    judged.no_error().http_status(200).header("Connection", "close").sse_format().done_marker()
    assert [(each.check, cited(each)) for each in judged.failures] == [("no_error", "R1")]
    assert "no readable head" in judged.failures[0].actual


def test_a_clause_can_be_named() -> None:
    assert found(checks(b"", head=b"", upstream=()), lambda c: c.http_status(400, clause="H3")) == [
        ("http_status", "H3")
    ]
    judged = checks(b"", head=b"", upstream=(), clause="R9")
    judged.done_marker()
    assert judged.failures[0].clause == "R9"


@pytest.mark.parametrize(
    ("body", "cited"),
    [
        (simple(*TEXTS[:2], done=False), ["L1", "L1"]),  # it broke off
        (simple(*TEXTS[:2], done=False) + event(FAILED), ["L1", "L1"]),
        (simple(*TEXTS, "of somebody else"), ["L1"]),
        (simple(*TEXTS, done=False), ["R4"]),  # served, but
        (SIMPLE + event("[DONE]"), ["R4"]),
        (simple(*TEXTS[:3]), ["R2"]),
        (simple(*reversed(TEXTS)), ["R2"]),
        (simple("Hello wör", "ld 😀!"), []),
    ],
)
def test_a_named_clause_is_about_being_served(body: bytes, cited: list[str]) -> None:
    made = found(checks(body, clause="L1"), lambda c: c.done_marker().content_as_sent())
    assert [clause for _, clause in made] == cited


@pytest.mark.parametrize(
    ("status", "body", "actual"),
    [
        (b"502 Bad Gateway", json.dumps(FAILED).encode(), None),
        (b"500 Oh", json.dumps(FAILED).encode(), "status 500"),
        (b"504 Late", b"<html>", "no JSON object: b'<html>'"),
        (b"504 Late", b'{"error":{}}', "no message and no type and no code"),
    ],
)
def test_an_error_answer(status: bytes, body: bytes, actual: str | None) -> None:
    judged = checks(body, head=b"HTTP/1.1 " + status + b"\r\n\r\n").http_error(502, 504)
    assert [cited(each) for each in judged.failures] == ([] if actual is None else ["R5"])
    if actual is not None:
        assert actual in judged.failures[0].actual


def test_a_failure_is_told_in_the_stream_or_in_its_place() -> None:
    answer = json.dumps(FAILED).encode()
    head = b"HTTP/1.1 404 Not Found\r\n\r\n"
    assert (
        found(checks(answer, head=head), lambda c: c.failed(404).error_message("broke off")) == []
    )
    assert found(checks(answer, head=head), lambda c: c.failed()) == [("http_error", "R5")]
    assert found(checks(answer, head=head), lambda c: c.error_message("late")) == [
        ("error_message", "R5")
    ]
    judged = checks(event(FAILED)).error_message("late")
    assert [(cited(each), each.actual) for each in judged.failures] == [("R6", "'broke off'")]
    judged = checks(SIMPLE).error_message("late")
    assert judged.failures[0].actual.startswith("none; status 200, 5 events")
    assert found(checks(SIMPLE), lambda c: c.failed()) == [
        ("failed_stream", "R6"),
        ("failed_stream", "R6"),
        ("no_done_marker", "R4"),
    ]


def test_an_expected_error_status_is_the_errors_clause() -> None:
    assert found(checks(SIMPLE), lambda c: c.http_status(502)) == [("http_status", "R5")]


def test_says_where() -> None:
    judged = checks(SIMPLE + event(FAILED)).no_error()
    offset = len(HEAD + SIMPLE)
    assert judged.failures[0].where == f"event 6 at byte {offset}, +0.013 s"


def test_equal_violations_are_told_once() -> None:
    judged = checks(b"junk\n\n" * 5 + SIMPLE).sse_format()
    assert [each.actual for each in judged.failures] == ["b'junk' (and 4 more such)"]


@pytest.mark.parametrize(
    ("body", "unserved"),
    [
        (simple(*TEXTS[:2], done=False), True),  # it broke off
        (simple(*TEXTS, "of another client"), True),
        (simple(*TEXTS, done=False), False),
        (simple(*TEXTS[:3]), False),
    ],
)
def test_a_finding_says_whether_the_client_was_served(body: bytes, unserved: bool) -> None:
    judged = checks(body).done_marker().content_as_sent()
    assert {each.unserved for each in judged.failures} == {unserved}
