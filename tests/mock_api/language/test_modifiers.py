"""Modifiers, failures and unusual answers, on both protocols."""

from __future__ import annotations

import gzip
import itertools
import json
from typing import Any

import h11
import pytest

from mock_api.language.answer import Options
from mock_api.language.encoders.encoder import Asked
from mock_api.language.errors import fault_of
from mock_api.language.failures import FAILURES
from mock_api.language.modifiers.dialects import DIALECTS
from mock_api.language.patterns import MODIFIERS, PATTERNS, PatternError, script
from tests.mock_api.clients.event_stream import messages
from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import Mock, chat, contents, events, finish_reasons, pattern_header
from tests.mock_api.clients.scripted import wire_request

CHANGES_WHAT_IS_SAID = {"stall:N", "fin:N", "reset:N", "done:N", "junk", "roleless"}
KEEPS = [
    modifier
    for modifier in MODIFIERS
    if modifier.name not in CHANGES_WHAT_IS_SAID and modifier not in DIALECTS
]


def _messages(body: bytes) -> list[str]:
    """The data of the events, as a receiver assembles them."""
    return [data for _, data in messages(body)]


def _ask(mock: Mock, protocol: str, pattern: str, token: str) -> Any:
    client = H1Client(mock.connect()) if protocol == "h1" else H2Client(mock.connect())
    ask = client.chat if isinstance(client, H1Client) else client.exchange
    mock.control("POST", f"/gates/{token}", {"open": 1000})
    reply = ask(chat(), pattern_header(f"{pattern};t={token}"))
    client.close()
    return reply


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("modifier", KEEPS, ids=lambda modifier: modifier.word)
def test_the_content_stays_the_same(mock: Mock, token: str, protocol: str, modifier: Any) -> None:
    for base in ("", "unicode"):
        pattern = f"{base}+{modifier.example}" if base else modifier.example
        if modifier.word == "goaway" and protocol == "h2":
            continue  # h2's client reads nothing after GOAWAY; test_mock_http2_signals.py does.
        reply = _ask(mock, protocol, pattern, token)
        body = reply.body
        if reply.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        plain = _ask(mock, protocol, base, token)
        said, expected = _messages(body), _messages(plain.body)
        assert [json.loads(each) for each in said[:-1]] == [json.loads(e) for e in expected[:-1]]
        assert said[-1] == expected[-1] == "[DONE]"
        assert reply.headers["x-test-pattern-applied"] == pattern


def test_modifiers_compose(mock: Mock, token: str) -> None:
    pattern = "unicode+crlf+comments+fields+multiline+bom+gzip+trailers+segment:5"
    for protocol in ("h1", "h2"):
        reply = _ask(mock, protocol, pattern, token)
        body = gzip.decompress(reply.body)
        assert body.startswith(b"\xef\xbb\xbfid: 0\n")
        assert b": ping\n" in body
        assert b"\r\n" in body
        assert len(_messages(body)) == 37


def test_line_ends(mock: Mock, token: str) -> None:
    crlf = _ask(mock, "h1", "crlf", token).body
    assert crlf.count(b"\r\n") == crlf.count(b"\n") == crlf.count(b"\r") == 40
    cr = _ask(mock, "h1", "cr", token).body
    assert cr.count(b"\r") == 40
    assert b"\n" not in cr
    mixed = _ask(mock, "h1", "mixed", token).body
    assert mixed.count(b"\r\n") == 13
    assert (mixed.count(b"\n"), mixed.count(b"\r")) == (14 + 13, 13 + 13)


def test_a_stall_after_events(mock: Mock, token: str) -> None:
    sock = mock.connect()
    sock.sendall(wire_request(pattern_header(f"stall:3;t={token}")))
    assert len(mock.wait(token, events=3)["events"]) == 3
    assert mock.wait(token)["end"] == "running"
    sock.close()
    assert mock.wait(token, **{"for": "ended"})["events_sent"] == 3


def test_gates(mock: Mock, token: str) -> None:
    sock = mock.connect()
    sock.sendall(wire_request(pattern_header(f"gated:3;t={token}")))
    for number in (1, 2, 3):
        assert mock.wait(token, events=number)["events_sent"] == number
        mock.control("POST", f"/gates/{token}", {"open": number})
    assert mock.wait(token, **{"for": "ended"})["events_sent"] == 20
    sock.close()


def test_fin_in_the_middle_of_an_event(mock: Mock, token: str) -> None:
    client = H1Client(mock.connect())
    client.send("POST", "/v1/chat/completions", chat(), pattern_header(f"fin:3;t={token}"))
    client.head()
    parts = [client.part() for _ in range(4)]
    assert len(_messages(b"".join(parts))) == 3
    assert parts[3].startswith(b"data: {")
    assert not parts[3].endswith(b"\n")
    with pytest.raises(h11.RemoteProtocolError):
        client.part()
    client.close()
    reply = _ask(mock, "h2", "fin:3", token)
    assert (reply.reset, len(_messages(reply.body))) == (2, 3)


def test_a_reset_after_events(mock: Mock, token: str) -> None:
    client = H1Client(mock.connect())
    with pytest.raises(ConnectionResetError):
        client.chat(chat(), pattern_header(f"reset:3;t={token}"))
    client.close()
    reply = _ask(mock, "h2", "reset:3", token)
    assert (reply.reset, len(_messages(reply.body))) == (2, 3)


def test_done_and_junk(mock: Mock, token: str) -> None:
    assert _messages(_ask(mock, "h1", "done:0", token).body)[-1] != "[DONE]"
    assert _messages(_ask(mock, "h1", "done:3", token).body)[-4:].count("[DONE]") == 3
    body = _ask(mock, "h1", "junk", token).body
    assert _messages(body)[-2] == "[DONE]"
    assert body.endswith(b"\n\njunk")


def test_pauses(mock: Mock, token: str) -> None:
    for number, pattern in enumerate(("drip:10", "jitter:10", "late:30")):
        _ask(mock, "h1", f"finish:stop+{pattern}", f"{token}-{number}")
    times = []
    for number in range(3):
        entry = mock.wait(f"{token}-{number}")
        times.append([entry["received_at"], *(event["at"] for event in entry["events"])])
    drip, _, late = times
    assert all(at - drip[0] >= 0.01 * index - 1e-4 for index, at in enumerate(drip))
    assert late[1] - late[0] >= 0.0299
    assert all(after >= before for before, after in itertools.pairwise(times[1]))


@pytest.mark.parametrize("protocol", ["h1", "h2"])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.word)
@pytest.mark.parametrize("status", [200, 404, 429, 503])
def test_failures(mock: Mock, token: str, protocol: str, failure: Any, status: int) -> None:
    reply = _ask(mock, protocol, f"{failure.word}:{status}", token)
    assert reply.status == status
    assert reply.headers.get("retry-after") == ("1" if status in (429, 503) else None)
    kind = reply.headers["content-type"]
    if failure.word == "status":
        assert kind == "application/json"
        assert json.loads(reply.body)["error"]["code"] == fault_of(status).code
    elif failure.word == "html":
        assert kind == "text/html"
        assert reply.body.startswith(b"<html>")
    else:
        assert reply.body == b""
    assert mock.wait(token)["status"] == status


UNUSUAL = {
    "usage": lambda data: data[-2]["usage"]["total_tokens"] == 15 and data[-2]["choices"] == [],
    "role": lambda data: data[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""},
    "tools": lambda data: (
        json.loads(
            "".join(
                each["choices"][0]["delta"].get("tool_calls", [{}])[0]["function"]["arguments"]
                for each in data[:4]
            )
        )
        == {"city": "Zürich"}
    ),
    "choices": lambda data: [each["choices"][0]["index"] for each in data[:-1]] == 7 * [0, 1],
    "reasoning": lambda data: "reasoning_content" in data[0]["choices"][0]["delta"],
    "numbers": lambda data: data[0]["created"] == 2**63 + 1,
    "odd": lambda data: (
        data[0]["choices"] == []
        and "delta" not in data[2]["choices"][0]
        and "choices" not in data[10]
    ),
    "marker": lambda data: data[0]["choices"][0]["delta"]["content"] == "[DONE]",
    "error:3": lambda data: data[-1]["error"]["code"] == "server_error" and len(data) == 4,
    "huge:64": lambda data: len(data[0]["choices"][0]["delta"]["content"]) == 65536,
}


@pytest.mark.parametrize("pattern", UNUSUAL)
def test_unusual_answers(mock: Mock, h1: H1Client, pattern: str) -> None:
    body = h1.chat(chat(), pattern_header(pattern)).body
    data = [each if each == "[DONE]" else json.loads(each) for each in events(body)]
    assert UNUSUAL[pattern](data)
    assert (data[-1] == "[DONE]") != (pattern == "error:3")


def test_ordinary_words_are_sent_by_unusual_answers(h1: H1Client) -> None:
    for pattern in ("usage", "role", "reasoning", "numbers"):
        data = events(h1.chat(chat(), pattern_header(pattern)).body)
        chunks = [each for each in data if json.loads(each if each != "[DONE]" else "0")]
        with_choices = [each for each in chunks if json.loads(each)["choices"]]
        assert "".join(contents(with_choices)) == "Streams carry words one at a"
        assert finish_reasons(with_choices) == ["stop"]


def test_every_example_is_a_script_both_ways() -> None:
    for each in (*PATTERNS, *FAILURES, *MODIFIERS):
        for stream in (True, False):
            assert script(each.example, Options(), asked=Asked(stream)).status >= 200


MALFORMED = [
    "unicode+",
    "+crlf",
    "crlf+unicode",
    "unicode+unicode",
    "unicode crlf",
    "stall",
    "stall:x",
    "bytes:1",
    "segment:0",
    "padding:256",
    "status:99",
    "status:600",
    "html:304",
    "status",
    "huge:0",
    "gated:0",
    "done:1000000000000",
]


@pytest.mark.parametrize("pattern", MALFORMED)
def test_malformed_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="there are: "):
        script(pattern, Options())
