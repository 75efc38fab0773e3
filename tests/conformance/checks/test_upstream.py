"""Checks of the upstream request."""

import json
from typing import Any

import pytest

from tests.conformance.checks.observations import (
    REQUEST,
    SIMPLE,
    checks,
    cited,
    entry,
)


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


@pytest.mark.parametrize(
    ("declared", "protocol", "transport", "right"),
    [
        ((), "h2", "tls", True),
        (("h2",), "h2", "tls", True),
        (("h2",), "http/1.1", "tls", False),
        (("h1",), "http/1.1", "tcp", True),
        (("h1",), "h2", "tls", False),
        (("h1",), "http/1.1", "unix", False),
        (("h1", "unix"), "http/1.1", "unix", True),
        (("h1", "unix"), "http/1.1", "tcp", False),
    ],
)
def test_another_transport_than_declared_is_told(
    declared: tuple[str, ...], protocol: str, transport: str, right: bool
) -> None:
    reached = entry(protocol=protocol, transport=transport)
    judged = checks(SIMPLE, upstream=(reached,), declared=declared).applied("p")
    assert [(each.check, cited(each)) for each in judged.failures] == (
        [] if right else [("transport", "U3")]
    )
