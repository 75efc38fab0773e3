"""Handoff data, and the upstream request that it asks for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from conformance.core.evidence import Asked
from conformance.profiles.handoff.payload import asked, encode

USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"prompt": "hi"}, {"messages": [USER]}),
        (
            {"prompt": "hi", "system": ""},
            {"messages": [{"role": "system", "content": ""}, USER]},
        ),
        ({"prompt": "no", "system": "no", "messages": [USER]}, {"messages": [USER]}),
        ({"prompt": "hi", "messages": None}, {"messages": [USER]}),
        ({"prompt": "hi", "user_id": "u"}, {"messages": [USER], "user": "u"}),
        ({"prompt": "hi", "max_tokens": 0}, {"messages": [USER], "max_tokens": 0}),
        ({"prompt": "hi", "other": 1, "n": 2}, {"messages": [USER]}),
        ({"prompt": "hi", "body": {"n": 2, "stream": False}}, {"messages": [USER], "n": 2}),
    ],
)
def test_the_body_that_the_api_must_receive(data: dict[str, Any], body: dict[str, Any]) -> None:
    found = asked(encode(data))
    assert found.body == {**body, "stream": True}
    assert found.additions == {"model"}


def test_digits_of_the_extra_body_count() -> None:
    found = asked(b'{"prompt":"hi","temperature":0.50,"body":{"top_p":1.0}}')
    assert found.exact == {"top_p"}
    assert found.body["top_p"].as_tuple() == Decimal("1.0").as_tuple()


def test_headers_travel_as_headers() -> None:
    data = {"prompt": "hi", "test_pattern": "short;t=1", "request_id": "r", "model": None}
    found = asked(encode(data))
    assert found.headers == {"X-Test-Pattern": "short;t=1", "X-Request-Id": "r"}
    assert "model" not in found.body


@pytest.mark.parametrize("payload", [b"", b"\x00", b"[1]", b'"a"', b'{"prompt":'])
def test_data_that_asks_for_nothing(payload: bytes) -> None:
    assert asked(payload) == Asked()
