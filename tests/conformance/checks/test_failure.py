"""Checks of failed answers, and the clause that a finding cites."""

import json

import pytest

from tests.conformance.checks.observations import (
    FAILED,
    HEAD,
    SIMPLE,
    TEXTS,
    checks,
    cited,
    event,
    found,
    simple,
)


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
