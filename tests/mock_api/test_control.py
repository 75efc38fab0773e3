"""The control API: keys, gates, registered scripts, and its errors."""

from __future__ import annotations

import json
import re
import select
from pathlib import Path
from typing import Any

import h11
import pytest
from h2.errors import ErrorCodes

from mock_api.language.script_json import FIELDS, from_json
from mock_api.language.step_json import STEPS
from mock_api.playing.entry import Entry, Peer
from mock_api.playing.exchange import Reply, Request
from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import Mock, chat, contents, events, pattern_header
from tests.mock_api.clients.scripted import register

DOCS = Path(__file__).parents[2] / "docs" / "control.md"

REFUSED = [
    ("GET", "/nothing", None, 404, "/journal"),
    ("POST", "/journal", None, 405, "GET and DELETE"),
    ("GET", "/journal?tokn=x", None, 400, "known: token, key, after"),
    ("GET", "/journal?token=a&token=b", None, 400, "2 times"),
    ("GET", "/journal?after=x", None, 400, "whole number"),
    ("GET", "/journal/wait", None, 400, "'token' or 'key'"),
    ("GET", "/journal/wait?token=a&for=ever", None, 400, "received or ended"),
    ("GET", "/journal/wait?token=a&timeout=soon", None, 400, "seconds from 0 to 300"),
    ("GET", "/journal/wait?token=a&timeout=301", None, 400, "seconds from 0 to 300"),
    ("GET", "/journal/wait?token=a&timeout=nan", None, 400, "seconds from 0 to 300"),
    ("PUT", "/keys/a", {}, 400, '"key": str'),
    ("PUT", "/keys/a", {"key": 5}, 400, "'key' must be str"),
    ("PUT", "/keys/a", {"key": ""}, 400, "must not be empty"),
    ("PUT", "/keys/a%20b", {"key": "x"}, 400, "a name is"),
    ("DELETE", "/keys/never", None, 404, "no key"),
    ("DELETE", "/scripts/never", None, 404, "no script"),
    ("POST", "/gates/a", {"open": True}, 400, "'open' must be int"),
    ("POST", "/gates/a", {"open": 1, "more": 2}, 400, '"open": int'),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "said"), REFUSED)
def test_refused(mock: Mock, method: str, path: str, body: Any, status: int, said: str) -> None:
    response = mock.control(method, path, body)
    assert response.status == status
    assert said in response.json()["error"]["message"]


def test_a_body_that_is_no_json(h1: H1Client) -> None:
    response = h1.exchange("PUT", "/_control/keys/a", b"{")
    assert response.status == 400
    assert "must be JSON" in response.json()["error"]["message"]


def test_a_key_that_changes_its_name(mock: Mock, h1: H1Client) -> None:
    for name in ("first", "second"):
        mock.control("PUT", f"/keys/{name}", {"key": "sk-same"})
        h1.chat(chat(), [("authorization", "Bearer sk-same"), *pattern_header(";t=renamed")])
    assert [entry["key"] for entry in mock.entries(token="renamed")] == ["first", "second"]


def test_the_key_of_the_next_request(mock: Mock, h1: H1Client) -> None:
    mock.control("PUT", "/keys/known", {"key": "sk-known"})
    mock.control("PUT", "/keys/learned", {"next": True})
    for key in ("sk-known", "sk-found-out", "sk-other", "sk-found-out"):
        h1.chat(chat(), [("authorization", f"Bearer {key}"), *pattern_header(";t=next")])
    keys = [entry["key"] for entry in mock.entries(token="next")]
    assert keys == ["known", "learned", None, "learned"]


# Scripts.


def test_a_script_is_played(mock: Mock, h1: H1Client, h2: H2Client) -> None:
    script = {
        "status": 203,
        "headers": {"content-type": "text/event-stream; charset=utf-8", "x-own": "1"},
        "steps": [
            {"delta": "Hello"},
            {"write": 'data: {"ö":'},
            {"write_base64": "MX0KCg=="},
            {"event": {"usage": None}},
            {"finish": "stop"},
            {"done": True},
        ],
    }
    headers = register(mock, "played", script)
    response = h1.chat(chat(), headers)
    reply = h2.exchange(chat(stream=False), headers)
    assert response.body == reply.body
    assert response.parts == reply.parts
    assert len(response.parts) == 6
    assert events(response.body)[1:3] == ['{"ö":1}', '{"usage":null}']
    for found in (response.headers, reply.headers):
        assert found["content-type"] == "text/event-stream; charset=utf-8"
        assert found["x-own"] == "1"
        assert found["x-test-pattern-applied"] == "script:played"
    assert response.status == reply.status == 203
    for entry in mock.entries(token="played"):
        assert entry["pattern"] == "script:played"
        assert [event["data"] for event in entry["events"]] == events(response.body)


def test_a_script_is_replaced_and_forgotten(mock: Mock, h1: H1Client, h2: H2Client) -> None:
    for text in ("one", "two"):
        headers = register(mock, "replaced", {"steps": [{"delta": text}]})
        for _ in range(3):
            assert contents(events(h1.chat(chat(), headers).body)) == [text]
            assert contents(events(h2.exchange(chat(), headers).body)) == [text]
    assert mock.control("DELETE", "/scripts/replaced").status == 200
    assert h1.chat(chat(), headers).status == 400
    assert h2.exchange(chat(), headers).status == 400


def test_framing(mock: Mock) -> None:
    for framing, header in (("length", "content-length"), ("close", "connection")):
        client = H1Client(mock.connect())
        script = {"framing": framing, "steps": [{"delta": "x"}]}
        response = client.chat(chat(), register(mock, framing, script))
        assert header in response.headers
        assert "transfer-encoding" not in response.headers
        assert contents(events(response.body)) == ["x"]
        client.close()


@pytest.mark.parametrize("tls", [False, True])
def test_abort_on_http1_closes_without_the_bodys_end(mock: Mock, tls: bool) -> None:
    headers = register(mock, "abort", {"steps": [{"delta": "x"}], "ending": "abort"})
    client = H1Client(mock.connect_tls("http/1.1") if tls else mock.connect())
    client.send("POST", "/v1/chat/completions", chat(), headers)
    client.head()
    assert contents(events(client.part())) == ["x"]
    with pytest.raises((h11.RemoteProtocolError, OSError)):
        client.part()
    assert mock.entries(token="abort")[-1]["end"] == "finished"
    client.close()


def test_reset_on_http1(mock: Mock) -> None:
    headers = register(mock, "reset", {"steps": [{"delta": "x"}], "ending": "reset"})
    client = H1Client(mock.connect())
    client.send("POST", "/v1/chat/completions", chat(), headers)
    with pytest.raises(ConnectionResetError):
        client.receive()
    client.close()


@pytest.mark.parametrize(
    ("ending", "code"), [("abort", ErrorCodes.INTERNAL_ERROR), ("reset", ErrorCodes.CANCEL)]
)
def test_abort_and_reset_on_http2(mock: Mock, h2: H2Client, ending: str, code: int) -> None:
    script: dict[str, Any] = {"steps": [{"delta": "x"}], "ending": ending}
    if ending == "reset":
        script["reset_code"] = code
    reply = h2.exchange(chat(), register(mock, ending, script))
    assert contents(events(reply.body)) == ["x"]
    assert reply.reset == code
    assert not reply.ended
    assert h2.exchange(chat()).ended, "the connection lives on"


def test_drop_ends_the_connection_of_http2_too(mock: Mock, h2: H2Client) -> None:
    headers = register(mock, "drop", {"steps": [{"delta": "x"}], "ending": "drop"})
    stream = h2.request(chat(), headers)
    h2.read_to_end()
    assert contents(events(h2.replies[stream].body)) == ["x"]
    assert not h2.replies[stream].over
    assert h2.goaway is None


def test_a_unit_is_one_chunk_with_pauses_inside(mock: Mock, h1: H1Client) -> None:
    unit = [{"write": "data: 1"}, {"gate": 1}, {"write": "\n"}, {"cut": True}, {"write": "\n"}]
    headers = register(mock, "unit", {"steps": [{"delta": "a"}, {"unit": unit}]})
    h1.send("POST", "/v1/chat/completions", chat(), headers)
    entry = mock.wait("unit", events=1)
    assert len(entry["events"]) == 1
    mock.control("POST", "/gates/unit", {"open": 1})
    response = h1.receive()
    assert b"".join(response.parts[1:]) == b"data: 1\n\n"
    assert len(mock.wait("unit", events=2)["events"]) == 2


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_gates(mock: Mock, protocol: str) -> None:
    name = f"gated-{protocol}"
    steps: list[Any] = []
    for number in (1, 2, 3):
        steps += [{"gate": number}, {"delta": str(number)}]
    headers = register(mock, name, {"steps": [*steps, {"done": True}]})
    client: Any = H1Client(mock.connect()) if protocol == "h1" else H2Client(mock.connect())
    if protocol == "h1":
        client.send("POST", "/v1/chat/completions", chat(), headers)
        client.head()
        more = client.part
    else:
        stream = client.request(chat(), headers)
        reply = client.replies[stream]
        client.read_until(lambda: bool(reply.headers))

        def more() -> bytes:
            client.read_until(lambda: bool(reply.parts))
            return reply.parts.pop(0)  # type: ignore[no-any-return]

    for number in (1, 2):
        assert not select.select([client.sock], [], [], 0.02)[0]
        assert len(mock.wait(name)["events"]) == number - 1
        mock.control("POST", f"/gates/{name}", {"open": number})
        mock.wait(name, events=number)
        assert contents(events(more())) == [str(number)]
    mock.control("POST", f"/gates/{name}", {"open": 99})
    assert contents(events(more())) == ["3"]
    client.close()


def test_a_gate_opened_before(mock: Mock, h1: H1Client) -> None:
    headers = register(mock, "early", {"steps": [{"gate": 2}, {"delta": "x"}]})
    mock.control("POST", "/gates/early", {"open": 2})
    assert contents(events(h1.chat(chat(), headers).body)) == ["x"]


def test_a_client_that_leaves_at_a_gate(mock: Mock) -> None:
    headers = register(mock, "left", {"steps": [{"gate": 1}, {"delta": "x"}]})
    client = H1Client(mock.connect())
    client.send("POST", "/v1/chat/completions", chat(), headers)
    client.head()
    client.close()
    assert mock.wait("left", **{"for": "ended"})["end"] == "client_gone"
    mock.control("POST", "/gates/left", {"open": 1})
    assert mock.wait("left")["events"] == []


def test_stall(mock: Mock) -> None:
    headers = register(mock, "stall", {"steps": [{"delta": "x"}, {"stall": True}]})
    client = H1Client(mock.connect())
    client.send("POST", "/v1/chat/completions", chat(), headers)
    client.head()
    assert contents(events(client.part())) == ["x"]
    assert not select.select([client.sock], [], [], 0.05)[0]
    assert mock.wait("stall")["end"] == "running"
    client.close()
    assert mock.wait("stall", **{"for": "ended"})["end"] == "client_gone"


BAD_SCRIPTS = [
    ([], "the script: expected an object, found []"),
    ({"step": []}, "expected only the fields status, headers, steps"),
    ({"status": 99}, "status: expected a whole number from 200 to 599, found 99"),
    ({"status": True}, "status: expected a whole number"),
    ({"headers": {"X": "1"}}, "a name in lower case"),
    ({"headers": {"x": 1}}, "an object of strings"),
    ({"headers": [["x"]]}, "a list of [name, value]"),
    ({"headers": {"x": "a\r\nb"}}, "headers.x: expected a value without control characters"),
    ({"headers": {"content-length": "1"}}, "no framing headers unless 'framing' is raw"),
    ({"steps": {}}, "steps: expected a list of steps"),
    ({"steps": [{"delta": "a"}, {"wiat": 1}]}, "steps[1]: expected one of write,"),
    ({"steps": [{"write": "a", "wait": 1}]}, "steps[0]: expected an object with one key"),
    ({"steps": [{"write": 5}]}, "steps[0].write: expected a string, found 5"),
    ({"steps": [{"write_base64": "?"}]}, "steps[0].write_base64: expected base64"),
    ({"steps": [{"wait": -1}]}, "steps[0].wait: expected seconds from 0 to 3600"),
    ({"steps": [{"wait": "1"}]}, "steps[0].wait: expected seconds"),
    ({"steps": [{"gate": 0}]}, "steps[0].gate: expected a whole number from 1"),
    ({"steps": [{"done": False}]}, "steps[0].done: expected true, found false"),
    ({"steps": [{"unit": [{"wait": 1}]}]}, "steps[0].unit: expected steps that write"),
    (
        {"steps": [{"unit": [{"write": "a"}, {"stall": True}]}]},
        "steps[0].unit: expected only writes, waits, gates and cuts",
    ),
    ({"framing": "none"}, "framing: expected one of chunked, length, close, raw"),
    ({"head": 1}, "head: expected a string, found 1"),
    ({"informational": [{"status": 200}]}, "informational[0].status: expected a whole number"),
    ({"informational": [103]}, "informational[0]: expected an object, found 103"),
    ({"trailers": {"X": "a"}}, "trailers: expected a name in lower case"),
    ({"steps": [{"unit": [{"write": "a"}, {"raw": "b"}]}]}, "gates and cuts in a unit"),
    ({"informational": [{}]}, "informational[0]: expected a field status, found {}"),
    ({"attempts": []}, "attempts: expected at least one script, found []"),
    ({}, "the script: expected at least one field"),
    ({"attempts": [{"status": 503}, {}]}, "attempts[1]: expected at least one field"),
    ({"attempts": [{"status": 503}, {"status": 1}]}, "attempts[1].status: expected a whole number"),
    ({"attempts": [{}], "status": 200}, "the script: expected only the fields attempts"),
    ({"chunk_extension": "a\n"}, "chunk_extension: expected a text without line ends"),
    ({"afterwards": "leave"}, "afterwards: expected one of keep, close, close_on_request,"),
    ({"padding": 256}, "padding: expected a whole number from 0 to 255"),
    ({"encoding": "br"}, "encoding: expected one of identity, gzip"),
    ({"request": {"gate": 1}}, "request: expected a field read"),
    ({"request": {"read": -1}}, "request.read: expected a whole number from 0"),
    ({"segment": 0}, "segment: expected a whole number from 1"),
    ({"cuts": [1, -1]}, "cuts[1]: expected a whole number from 1"),
    ({"steps": [{"wait": {"from": 1, "to": 2}}]}, "steps[0].wait: expected a field seed"),
    ({"steps": [{"wait": {"from": 2, "to": 1, "seed": 1}}]}, "wait.to: expected at least 2"),
    ({"steps": [{"goaway": {"last": "none"}}]}, "goaway.last: expected one of this, previous, all"),
    ({"steps": [{"settings": {"x": 1}}]}, "settings: expected only the fields header_table_size"),
    ({"steps": [{"frame": {"type": 256, "stream": 0}}]}, "frame.type: expected a whole number"),
    ({"steps": [{"frame": {"type": 0}}]}, "steps[0].frame: expected a field stream"),
    ({"steps": [{"fill": {"text": ""}}]}, "steps[0].fill: expected a field bytes"),
    ({"steps": [{"fill": {"text": "", "bytes": 1}}]}, "steps[0].fill.text: expected a text"),
    ({"steps": [{"repeat": {"steps": [{"cut": True}]}}]}, "steps that send something"),
    (
        {"steps": [{"repeat": {"steps": [{"delta": "a"}]}}], "framing": "length"},
        "framing: expected no length for a body without end",
    ),
    ({"ending": "bad"}, "ending: expected one of clean, abort, reset, drop"),
]


@pytest.mark.parametrize(("script", "said"), BAD_SCRIPTS)
def test_bad_scripts_are_refused_naming_the_place(mock: Mock, script: Any, said: str) -> None:
    response = mock.control("PUT", "/scripts/bad", script)
    assert response.status == 400
    assert said in response.json()["error"]["message"]


# The documentation.


def test_the_documented_script_is_one() -> None:
    example = DOCS.read_text().split("A script is one JSON object:\n")[1].split("\n| field")[0]
    script = from_json(json.loads(example))
    assert len(script.steps) == 5


def _documented(pattern: str) -> set[str]:
    return set(re.findall(pattern, DOCS.read_text(), re.MULTILINE))


def test_every_step_and_every_field_is_documented() -> None:
    assert _documented(r'^\| `\{"(\w+)": ') == set(STEPS)
    table = DOCS.read_text().split("| field | meaning | default |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(FIELDS)
    table = DOCS.read_text().split("An ENTRY:")[1].split("A request that is not complete")[0]
    names = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.+?) \|", table, re.MULTILINE))))
    assert names == set(_entry())


def _entry() -> dict[str, Any]:
    """Any entry's fields."""
    request = Request("GET", "/", b"", b"", None, None)
    reply = Reply(from_json({"steps": []}))
    return Entry(request, reply, Peer(1, "h2", "tcp"), 1, (), 0.0).as_json()


def test_every_route_is_documented(mock: Mock) -> None:
    message = mock.control("GET", "/nothing").json()["error"]["message"]
    routes = message.partition(" one of ")[2].partition(";")[0].split(", ")
    assert len(routes) == 6
    for route in routes:
        assert f"/_control{route.replace('gates/NAME', 'gates/TOKEN')}" in DOCS.read_text()


def test_control_is_reachable_on_every_listener(mock: Mock) -> None:
    for sock in (mock.connect_unix(), mock.connect_tls("http/1.1")):
        client = H1Client(sock)
        assert client.exchange("GET", "/_control/journal?after=999999").json()["entries"] == []
        client.close()
