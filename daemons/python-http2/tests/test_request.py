"""Handoff data and the request that it becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streaming_daemon import request
from streaming_daemon.bad_handoff import BadHandoff


def parse(data: Any) -> request.Handoff:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return request.parse(raw, default_model="default")


def body(data: Any) -> Any:
    return json.loads(parse(data).request.body)


def test_prompt_and_system_become_messages() -> None:
    assert body({"prompt": "hi", "system": "be kind"}) == {
        "model": "default",
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": "hi"},
        ],
        "stream": True,
    }


def test_messages_win_and_fields_get_their_names() -> None:
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "😀\ud83d"}]},
        {"role": "assistant", "content": None, "tool_calls": []},
    ]
    assert body(
        {
            "prompt": "no",
            "messages": messages,
            "model": "m",
            "max_tokens": 5,
            "temperature": 0.5,
            "user_id": "u",
            "unknown": {"x": 1},
            "system": None,
        }
    ) == {
        "model": "m",
        "messages": messages,
        "max_tokens": 5,
        "temperature": 0.5,
        "user": "u",
        "stream": True,
    }


def test_every_character_of_a_value_is_kept() -> None:
    big = b"1" * 5000
    raw = (
        rb'{"prompt" : "\ud83d \u0041/\/", "temperature":1.000000000000000000001e0,'
        rb'"body":{"seed":%s, "n" : 2.50, "stream":false,"deep":{"a":[1,{"b":9007199254740993}]},'
        rb'"stream_options":{ "include_usage":true}}}' % big
    )
    sent = parse(raw).request.body
    assert rb'{"role":"user","content":"\ud83d \u0041/\/"}' in sent
    assert b'"temperature":1.000000000000000000001e0,' in sent
    assert b'"seed":' + big in sent
    assert b'"n":2.50' in sent
    assert b'"deep":{"a":[1,{"b":9007199254740993}]}' in sent
    assert b'"stream_options":{ "include_usage":true}' in sent
    assert sent.count(b'"stream"') == 1
    assert b'"stream":true' in sent


def test_the_last_of_two_equal_names_counts() -> None:
    assert body(b'{"prompt":"a","prompt":"b"}')["messages"][0]["content"] == "b"


def test_a_user_may_be_a_number() -> None:
    assert parse(b'{"prompt":"x","user_id":12345678901234567890}').request.body.endswith(
        b'"user":12345678901234567890,"stream":true}'
    )


def test_headers_for_the_api() -> None:
    handoff = parse({"prompt": "x", "test_pattern": "unicode;t=1", "request_id": "é"})
    assert handoff.request.headers == (
        (b"x-test-pattern", b"unicode;t=1"),
        (b"x-request-id", "é".encode()),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"\xff{}",
        b'\xef\xbb\xbf{"prompt":"x"}',
        b'{"prompt":"x"}{}',
        b'{"prompt":"x","temperature":NaN}',
        b'{"prompt":"' + b"\n" + b'"}',
        b"[" * 100_000,
        b'{"prompt":"x","body":' + b'{"a":' * 100_000,
        {},
        {"model": "x"},
        {"prompt": 1},
        {"prompt": None},
        {"prompt": ["x"]},
        {"messages": "x"},
        {"messages": []},
        {"messages": ["x"]},
        {"messages": [{}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": 1}]},
        {"messages": [{"role": 1, "content": "x"}]},
        {"prompt": "x", "model": 1},
        {"prompt": "x", "system": {}},
        {"prompt": "x", "max_tokens": "5"},
        {"prompt": "x", "max_tokens": 1.5},
        {"prompt": "x", "max_tokens": True},
        {"prompt": "x", "temperature": "hot"},
        {"prompt": "x", "temperature": False},
        {"prompt": "x", "user_id": True},
        {"prompt": "x", "user_id": {}},
        {"prompt": "x", "body": []},
        {"prompt": "x", "response_headers": "x"},
        {"prompt": "x", "request_id": "a\r\nX-Evil: 1"},
        {"prompt": "x", "test_pattern": "a\0"},
        {"prompt": "x", "request_id": "\ud800"},
    ],
)
def test_data_that_does_not_describe_a_request(data: Any) -> None:
    with pytest.raises(BadHandoff):
        parse(data)
