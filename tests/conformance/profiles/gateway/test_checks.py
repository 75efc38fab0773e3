"""The checks of both classes: right answers pass, and each mistake is one finding."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from conformance.core.evidence import Asked, Ending, JournalEntry, SentEvent
from conformance.profiles.gateway.checks import BytesChecks, EventsChecks, GatewayChecks
from conformance.profiles.gateway.profile import PROFILE
from tests.conformance.checks.observations import (
    FAILED,
    OPENAI,
    SENT,
    checks,
    delta,
    entry,
    event,
)

CUT = b"".join(event(chunk) for chunk in SENT[:3])
USAGE = {"id": "1", "choices": [], "usage": {"total_tokens": 3}}
JSON = b"HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

Judge = Callable[[GatewayChecks], object]


def cited(
    kind: type[GatewayChecks],
    judge: Judge,
    body: bytes,
    *,
    asked: Asked | None = None,
    **given: Any,
) -> list[str]:
    """The clauses that the profile blames for what the check found."""
    given.setdefault("upstream", sent(*SENT, "[DONE]"))
    observation = checks(body, **given).observation
    if asked is not None:
        observation = replace(observation, asked=asked)
    judged = kind(observation)
    assert judge(judged) is judged, "a check returns the Checks it was called on"
    return [each.clause or PROFILE.blame[each.kind or _none()] for each in judged.failures]


def _none() -> Any:
    raise AssertionError("a finding has a clause or a kind")


def sent(*chunks: Any, **changes: Any) -> tuple[JournalEntry, ...]:
    """The API sent these chunks."""
    texts = [
        each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in chunks
    ]
    return (entry(events=tuple(SentEvent(100.0, text) for text in texts), **changes),)


def error(status: int, body: Any) -> dict[str, Any]:
    """The parts of an answer with this status."""
    text = json.dumps(body).encode()
    return {"head": JSON % (status, len(text)), "body": text}


@pytest.mark.parametrize("kind", [EventsChecks, BytesChecks])
def test_a_right_answer_passes(kind: type[GatewayChecks]) -> None:
    def judge(right: GatewayChecks) -> GatewayChecks:
        right.relayed().chunk_count(4).finish_reason("stop").utf8_valid()
        return right.content_contains("ö").ended().applied("p")

    assert cited(kind, judge, OPENAI) == []


@pytest.mark.parametrize(
    ("chunks", "clause"),
    [
        ([*SENT[:2], *SENT[3:]], "R2"),  # lost
        ([*SENT[:2], SENT[3], SENT[2], *SENT[4:]], "R2"),  # out of order
        ([*SENT[:2], delta("other"), *SENT[3:]], "R3"),  # altered
        ([*SENT[:-1], delta("", "length")], "R2"),
        ([*SENT[:2], {**SENT[2], "id": "2"}, *SENT[3:]], "R2"),  # two ids
    ],
)
def test_class_events_compares_what_chunks_say(chunks: list[Any], clause: str) -> None:
    body = b"".join(map(event, chunks)) + event("[DONE]")
    assert cited(EventsChecks, lambda c: c.events_in_order(), body) == [clause]


def test_class_events_may_write_its_own_chunks() -> None:
    rewritten = [{"model": "other", **chunk, "created": 1} for chunk in SENT]
    body = b"".join(map(event, rewritten)) + event("[DONE]")
    assert cited(EventsChecks, lambda c: c.relayed(), body) == []
    assert cited(BytesChecks, lambda c: c.relayed(), body) == ["R2"]


@pytest.mark.parametrize(("asks", "clauses"), [(True, ["R2"]), (False, [])])
def test_the_usage_that_was_asked_for_arrives(asks: bool, clauses: list[str]) -> None:
    asked = Asked({"stream_options": {"include_usage": True}} if asks else {})
    upstream = sent(*SENT, USAGE, "[DONE]")

    def judge(c: GatewayChecks) -> GatewayChecks:
        return c.events_in_order()

    assert cited(EventsChecks, judge, OPENAI, upstream=upstream, asked=asked) == clauses
    whole = OPENAI.removesuffix(event("[DONE]")) + event(USAGE) + event("[DONE]")
    assert cited(EventsChecks, judge, whole, upstream=upstream, asked=asked) == []


@pytest.mark.parametrize("kind", [EventsChecks, BytesChecks])
@pytest.mark.parametrize(
    ("body", "ending", "whole", "found"),
    [
        # A broken message is right for both; a clean end only where the API's was one.
        (CUT, Ending.RESET, False, {}),
        (CUT, Ending.EOF, True, {EventsChecks: ["R6"]}),
        (CUT, Ending.EOF, False, {EventsChecks: ["R6"], BytesChecks: ["R6"]}),
        # An error event of its own is right for class events alone.
        (CUT + event(FAILED), Ending.EOF, True, {BytesChecks: ["R2"]}),
        (CUT + event("[DONE]"), Ending.EOF, True, {EventsChecks: ["R6"], BytesChecks: ["R2"]}),
        (CUT, Ending.DEADLINE, False, {EventsChecks: ["R7"], BytesChecks: ["R7"]}),
    ],
)
def test_a_failed_stream(
    kind: type[GatewayChecks],
    body: bytes,
    ending: Ending,
    whole: bool,
    found: dict[type[GatewayChecks], list[str]],
) -> None:
    upstream = sent(*SENT[:3])

    def judge(c: GatewayChecks) -> GatewayChecks:
        return (c if whole else c.api_broke()).failed_stream()

    given: dict[str, Any] = {"ending": ending, "upstream": upstream}
    assert cited(kind, judge, body, **given) == found.get(kind, [])


@pytest.mark.parametrize(("whole", "clauses"), [(True, ["R8"]), (False, [])])
def test_class_bytes_passes_a_break_after_done_on(whole: bool, clauses: list[str]) -> None:
    def judge(c: GatewayChecks) -> GatewayChecks:
        return (c if whole else c.api_broke()).done_marker()

    assert cited(BytesChecks, judge, OPENAI, ending=Ending.RESET) == clauses


def test_an_invented_finish_reason_is_found() -> None:
    upstream = sent(*SENT[:3])
    body = CUT + event(delta("", "stop")) + event(FAILED)

    def judge(c: GatewayChecks) -> GatewayChecks:
        return c.no_finish_reason()

    assert cited(EventsChecks, judge, body, upstream=upstream) == ["R6"]
    given = sent(*SENT)
    assert cited(EventsChecks, judge, OPENAI, upstream=given) == []


@pytest.mark.parametrize(
    ("kind", "status", "body", "sent_status", "clauses"),
    [
        (EventsChecks, 404, FAILED, 404, []),
        (EventsChecks, 404, {"detail": "no such model"}, 404, ["R5"]),
        (EventsChecks, 500, FAILED, 404, ["R5"]),
        (BytesChecks, 404, {"detail": "no such model"}, 404, []),
        (BytesChecks, 502, {"detail": "no such model"}, 404, ["R5"]),
    ],
)
def test_an_error(
    kind: type[GatewayChecks], status: int, body: Any, sent_status: int, clauses: list[str]
) -> None:
    upstream = (entry(status=sent_status, events=()),)

    def judge(c: GatewayChecks) -> GatewayChecks:
        return c.http_error(404)

    assert cited(kind, judge, **error(status, body), upstream=upstream) == clauses


@pytest.mark.parametrize("asked", [(), (entry(status=404, events=()),)])
def test_class_bytes_passes_the_words_of_an_error_on(asked: tuple[JournalEntry, ...]) -> None:
    """Without an answer of the API the gateway's words are its own."""

    def judge(c: GatewayChecks) -> GatewayChecks:
        return c.error_message("no such model")

    found = cited(BytesChecks, judge, **error(404, {"error": {"message": "?"}}), upstream=asked)
    assert found == (["R5"] if asked else [])


def test_class_bytes_passes_the_request_unchanged() -> None:
    body = {"model": "m", "messages": []}

    def judge(c: GatewayChecks) -> GatewayChecks:
        return c.request_unchanged()

    for kind, clauses in ((EventsChecks, []), (BytesChecks, ["U1"])):
        for spaced, found in ((json.dumps(body), []), (json.dumps(body, indent=1), clauses)):
            asked = Asked(body, raw=json.dumps(body).encode())
            upstream = (entry(body=spaced.encode()),)
            assert cited(kind, judge, OPENAI, upstream=upstream, asked=asked) == found
            declared = replace(asked, additions=frozenset({"body"}))
            assert cited(kind, judge, OPENAI, upstream=upstream, asked=declared) == []
            lost = (entry(body=b'{"model": "m"}'),)
            asked = replace(declared, exact=frozenset(body))
            assert cited(kind, judge, OPENAI, upstream=lost, asked=asked) == ["U1"]


def test_without_the_journal_s_events_the_expected_values_decide() -> None:
    brief = replace(checks(OPENAI, upstream=sent(*[""] * 3)).observation, brief=True)
    right = BytesChecks(brief)
    right.done_marker().chunk_count(4).content("Hello wörld 😀!")
    assert right.failures == []
    wrong = BytesChecks(brief)
    wrong.chunk_count(3).content("Hello")
    assert [each.check for each in wrong.failures] == ["chunk_count", "content"]
