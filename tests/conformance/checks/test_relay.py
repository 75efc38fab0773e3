"""Every check holds where it should, and fails by the right clause where it should not."""

import json
from typing import Any

import pytest

from conformance.core.evidence import (
    Ending,
    SentEvent,
)
from tests.conformance.checks.observations import (
    BOTH,
    EVERY,
    FAILED,
    FAILING,
    HEAD,
    OPENAI,
    ROLE,
    SENT,
    SIMPLE,
    STREAM,
    TEXTS,
    checks,
    cited,
    delta,
    entry,
    event,
    found,
    simple,
)


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


@BOTH
def test_a_relayed_answer_passes_every_check_of_an_answer(body: bytes) -> None:
    assert found(checks(body), lambda c: c.relayed()) == []


@pytest.mark.parametrize(
    ("body", "clauses"),
    [
        (SIMPLE.replace(b"Hello", b"hello"), {"R3"}),
        (simple(*TEXTS[1:]), {"R2"}),
        (b"dat: a\n\n" + SIMPLE, {"R2"}),
        (STREAM, {"R4"}),
    ],
)
def test_a_relayed_answer_fails_by_what_is_wrong(body: bytes, clauses: set[str]) -> None:
    assert {clause for _, clause in found(checks(body), lambda c: c.relayed())} == clauses


def test_a_cut_off_answer_has_everything_that_was_sent_and_an_error() -> None:
    assert found(checks(STREAM + event(FAILED)), lambda c: c.cut_off()) == []
    assert found(checks(SIMPLE), lambda c: c.cut_off()) != []
    less = simple(*TEXTS[:2], done=False) + event(FAILED)
    assert ("content_as_sent", "R2") in found(checks(less), lambda c: c.cut_off())
