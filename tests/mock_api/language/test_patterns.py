"""Every pattern, to the byte, on every way to the mock."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mock_api.language.answer import Options
from mock_api.language.patterns import PATTERNS, PatternError, answer
from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import (
    Mock,
    chat,
    contents,
    events,
    finish_reasons,
    pattern_header,
    sent_events,
)

DOCS = Path(__file__).parents[3] / "docs" / "patterns.md"

Ask = Callable[..., tuple[dict[str, str], bytes]]


@pytest.fixture(params=["tcp h1", "tcp h2", "tls h1", "tls h2", "unix h1", "unix h2"])
def ask(mock: Mock, request: pytest.FixtureRequest) -> Ask:
    """Ask for a pattern in one of the six ways: the response's headers and body."""
    transport, protocol = request.param.split()

    def connect() -> Any:
        if transport == "tls":
            return mock.connect_tls("h2" if protocol == "h2" else "http/1.1")
        return mock.connect() if transport == "tcp" else mock.connect_unix()

    def call(pattern: str, **fields: Any) -> tuple[dict[str, str], bytes]:
        client = H2Client(connect()) if protocol == "h2" else H1Client(connect())
        headers = [*pattern_header(pattern)] if pattern else []
        if isinstance(client, H2Client):
            reply = client.exchange(chat(**fields), headers)
            found = reply.headers, reply.body
            assert reply.status == 200
        else:
            response = client.chat(chat(**fields), headers)
            found = response.headers, response.body
            assert response.status == 200
        client.close()
        return found

    return call


def test_ordinary(ask: Ask) -> None:
    headers, body = ask("")
    data = events(body)
    assert headers["content-type"] == "text/event-stream"
    assert headers["x-test-pattern-applied"] == "default"
    assert len(data) == 20
    assert "".join(contents(data)) == (
        "Streams carry words one at a time and every word must arrive in order exactly as it left"
    )
    assert len(contents(data)) == 18
    assert finish_reasons(data) == ["stop"]
    assert data[-1] == "[DONE]"


def test_unicode(ask: Ask) -> None:
    headers, body = ask("unicode")
    data = events(body)
    said = contents(data)
    assert headers["x-test-pattern-applied"] == "unicode"
    assert len(said) == 35
    emoji, cjk, four, mixed = said[:10], said[10:20], said[20:28], said[28:]
    assert {"😀", "🚀"} <= set(emoji)
    assert {"中", "文"} <= set(cjk)
    assert all(len(each) == 1 and len(each.encode()) == 3 for each in cjk)
    assert "𝐀" in four
    assert all(len(each.encode()) == 4 for each in four)
    assert all(each.endswith("\n") and not each.isascii() for each in mixed)
    assert finish_reasons(data) == ["stop"]
    assert data[-1] == "[DONE]"
    assert "😀🚀中文𝐀".encode() not in body
    for text in said:
        assert json.dumps(text, ensure_ascii=False).encode() in body, "escaped Unicode"


def test_short(ask: Ask) -> None:
    _, body = ask("short")
    said = contents(events(body))
    assert "".join(said) == "Hello world! This is a test. Each chunk is small."
    assert {len(each.encode()) for each in said} == {1, 2}
    assert finish_reasons(events(body)) == ["stop"]


def test_long(ask: Ask) -> None:
    _, body = ask("long")
    said = contents(events(body))
    assert [len(each.encode()) for each in said] == [4096, 4096, 4096]
    assert len(set(said)) == 3
    assert finish_reasons(events(body)) == ["stop"]


@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_abort_ends_cleanly_without_an_end(ask: Ask, count: int) -> None:
    headers, body = ask(f"abort:{count}")
    data = events(body)
    assert headers["x-test-pattern-applied"] == f"abort:{count}"
    assert len(data) == len(contents(data)) == count
    assert finish_reasons(data) == []


@pytest.mark.parametrize("reason", ["length", "content_filter", "tool_calls", "odd-1"])
def test_finish(ask: Ask, reason: str) -> None:
    _, body = ask(f"finish:{reason}")
    data = events(body)
    assert len(contents(data)) == 6
    assert finish_reasons(data) == [reason]
    assert data[-1] == "[DONE]"


def test_chunks_are_compact_and_shaped_like_the_real_ones(ask: Ask) -> None:
    _, body = ask("finish:stop")
    first, *_, last, done = events(body)
    assert first == (
        '{"id":"chatcmpl-mock","object":"chat.completion.chunk","created":1700000000,'
        '"model":"mock","choices":[{"index":0,"delta":{"role":"assistant","content":"Streams"},'
        '"finish_reason":null}]}'
    )
    assert '"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]' in last
    assert done == "[DONE]"


@pytest.mark.parametrize(
    ("pattern", "reason"), [("", "stop"), ("unicode", "stop"), ("abort:3", None)]
)
def test_whole_completion(ask: Ask, pattern: str, reason: str | None) -> None:
    headers, body = ask(pattern, stream=False)
    said = answer(pattern, Options())
    completion = json.loads(body)
    (choice,) = completion["choices"]
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(body))
    assert headers["x-test-pattern-applied"] == (pattern or "default")
    assert completion["object"] == "chat.completion"
    assert choice["message"] == {"role": "assistant", "content": "".join(said.deltas)}
    assert choice["finish_reason"] == reason
    assert completion["usage"]["completion_tokens"] == len(said.deltas)


def test_each_event_is_a_chunk_of_its_own(h1: H1Client, h2: H2Client) -> None:
    expected = list(sent_events("unicode"))
    assert h1.chat(chat(), pattern_header("unicode")).parts == expected
    reply = h2.exchange(chat(), pattern_header("unicode"))
    assert reply.parts == expected


def test_chunk_count_and_delay_are_options(start_mock: Callable[..., Mock]) -> None:
    mock = start_mock("--chunks", "3", "--delay", "20")
    data = events(H1Client(mock.connect()).chat(chat(), pattern_header(";t=x")).body)
    assert contents(data) == ["Streams", " carry", " words"]
    times = [event["at"] for event in mock.wait("x", **{"for": "ended"})["events"]]
    received = mock.entries(token="x")[0]["received_at"]
    assert [at - received >= 0.02 * (n + 1) for n, at in enumerate(times)] == [True] * 5


MALFORMED = [
    "nonsense",
    "Unicode",
    "unicode:1",
    "abort",
    "abort:",
    "abort:xyz",
    "abort:-1",
    "abort:5x",
    "abort:٥",
    "abort:100001",
    "finish",
    "finish:",
    "finish:a b",
    "short;token=x",
    "short;t=",
    "short;t=a/b",
    "short;t=" + 65 * "x",
    "script:none",
]


@pytest.mark.parametrize("pattern", MALFORMED)
def test_unknown_and_malformed_patterns_are_refused(h1: H1Client, pattern: str) -> None:
    headers = [("x-test-pattern", pattern.encode().decode("latin-1"))] if pattern.isascii() else []
    body = chat() if pattern.isascii() else chat(prompt=f"[[test:{pattern}]]")
    response = h1.chat(body, headers)
    error = response.json()["error"]
    assert response.status == 400
    assert "x-test-pattern-applied" not in response.headers
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "bad_pattern"
    if not pattern.startswith(("short", "script")):
        for pattern_name in ("unicode", "short", "long", "abort:N", "finish:REASON"):
            assert pattern_name in error["message"]


BAD_BODIES = [
    b"",
    b"{",
    b"[]",
    b"[" * 100_000,
    b'{"messages":[]}',
    b'{"messages":"hi"}',
    b'{"messages":[{"role":"user","content":"x"}],"stream":"yes"}',
]


@pytest.mark.parametrize("body", BAD_BODIES)
def test_bad_bodies_are_refused(h1: H1Client, body: bytes) -> None:
    response = h1.chat(body)
    assert response.status == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_examples_work_and_say_what_is_documented(pattern: Any) -> None:
    said = answer(pattern.example, Options())
    numbers = re.match(r"(\d+) (?:word )?deltas", pattern.meaning)
    if numbers:
        assert len(said.deltas) == int(numbers[1])
    assert (said.finish is None) == ("no `[DONE]`" in pattern.meaning)


def test_documented_contents_are_what_is_sent() -> None:
    text = DOCS.read_text()
    said = answer("unicode", Options()).deltas
    for cells in (said[:10], said[10:20]):
        assert f"| {' '.join(cells)} |" in text
    listed = re.search(r"four-byte \| (.+) \|", text)
    assert listed is not None
    assert sorted(listed[1].split()) == sorted(said[20:28])
    assert "".join(answer("", Options()).deltas) in text
    assert "".join(answer("short", Options()).deltas) in text
    for line in sent_events("finish:stop")[-2:]:
        assert line.decode().strip() in text
    with pytest.raises(PatternError):
        answer("script:mine", Options())
