"""Each cause is one finding, for any number of checks."""

import json
from typing import Any

import pytest

from conformance.checks import Checks
from conformance.core.evidence import (
    Ending,
)
from tests.conformance.checks.observations import (
    EVERY,
    FAILED,
    FAILING,
    SIMPLE,
    STREAM,
    checks,
    cited,
    event,
    found,
)


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


def test_equal_violations_are_told_once() -> None:
    judged = checks(b"junk\n\n" * 5 + SIMPLE).sse_format()
    assert [each.actual for each in judged.failures] == ["b'junk' (and 4 more such)"]
