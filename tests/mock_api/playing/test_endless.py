"""Bodies without end: made while they are sent, paused by their reader."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import Mock, chat, contents, events
from tests.mock_api.clients.scripted import register, wire_request

MIB = 1024 * 1024


def _peak(mock: Mock) -> int:
    """The most memory the mock has had, in bytes."""
    status = Path(f"/proc/{mock.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def _drain(sock: socket.socket, size: int) -> int:
    """Read at least `size` bytes."""
    read, buffer = 0, memoryview(bytearray(MIB))
    while read < size:
        more = sock.recv_into(buffer)
        assert more, f"it ended after {read} bytes"
        read += more
    return read


def test_repeated_events(mock: Mock, h1: H1Client, h2: H2Client, token: str) -> None:
    twice = {"repeat": {"times": 2, "steps": [{"delta": "b"}]}}
    thrice = {"repeat": {"times": 3, "steps": [{"delta": "a"}, twice]}}
    script = {"steps": [thrice, {"done": True}]}
    headers = register(mock, token, script)
    for body in (h1.chat(chat(), headers).body, h2.exchange(chat(), headers).body):
        assert "".join(contents(events(body))) == "abbabbabb"
    for entry in mock.entries(token=token):
        assert len(entry["events"]) == entry["events_sent"] == 10


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_fill(mock: Mock, h1: H1Client, h2: H2Client, token: str, framing: str) -> None:
    size = 3 * MIB + 1
    fill = {"fill": {"text": "äx", "bytes": size}}
    script = {"steps": [{"write": "data: "}, fill, {"write": "\n\n"}], "framing": framing}
    headers = register(mock, token, script)
    body = b"data: " + ("äx" * size).encode()[:size] + b"\n\n"
    response = h1.chat(chat(), headers)
    assert response.body == body
    assert max(map(len, response.parts)) <= 65536
    assert h2.exchange(chat(), headers).body == body
    for entry in mock.entries(token=token):
        assert [each["data"] for each in entry["events"]] == [body[6:-2].decode(errors="replace")]


def test_a_large_body_is_never_in_memory(start_mock: Callable[..., Mock], token: str) -> None:
    mock = start_mock()
    page = {"delta": "x" * 60_000}
    headers = register(mock, token, {"steps": [{"repeat": {"times": 3400, "steps": [page]}}]})
    before = _peak(mock)
    sock = mock.connect()
    sock.sendall(wire_request(headers))
    _drain(sock, 200 * 1000 * 1000)
    sock.close()
    assert _peak(mock) - before < 16 * MIB
    entry = mock.wait(token, brief=1, **{"for": "ended"})
    assert entry["bytes_sent"] >= 200 * 1000 * 1000


def test_an_endless_line_is_never_in_memory(start_mock: Callable[..., Mock], token: str) -> None:
    mock = start_mock()
    headers = register(mock, token, {"steps": [{"fill": {"text": "x", "bytes": 2**53}}]})
    before = _peak(mock)
    client = H2Client(mock.connect())
    reply = client.replies[client.request(chat(), headers)]
    read = 0
    while read < 40 * MIB:
        assert client.read()
        read += sum(map(len, reply.parts))
        reply.parts.clear()
    client.close()
    assert _peak(mock) - before < 24 * MIB
    assert mock.wait(token, **{"for": "ended"})["events_sent"] == 0


@pytest.mark.parametrize("protocol", ["h1", "h2"])
def test_a_client_that_does_not_read_stops_an_endless_answer(
    mock: Mock, token: str, protocol: str
) -> None:
    headers = register(mock, token, {"steps": [{"repeat": {"steps": [{"delta": "more"}]}}]})
    sock = mock.connect(receive_buffer=4096)
    client = H1Client(sock) if protocol == "h1" else H2Client(sock)
    if isinstance(client, H1Client):
        client.send("POST", "/v1/chat/completions", chat(), headers)
    else:
        client.hold = True
        client.request(chat(), headers)
    entry = mock.wait(token, events=100)
    # The mock answers other clients meanwhile, and the sum does not change.
    sent = -1
    while entry["bytes_sent"] != sent:
        sent = entry["bytes_sent"]
        (entry,) = mock.entries(token=token, brief=1)
    assert entry["end"] == "running"
    assert sent < 16 * MIB
    client.close()
    assert mock.wait(token, brief=1, **{"for": "ended"})["end"] == "client_gone"


def test_a_fast_reader_of_an_endless_answer_leaves_others_their_turn(
    mock: Mock, token: str
) -> None:
    headers = register(mock, token, {"steps": [{"fill": {"text": "x", "bytes": 2**53}}]})
    sock = mock.connect()
    sock.sendall(wire_request(headers))
    answered = 0
    for _ in range(5):
        _drain(sock, 4 * MIB)
        answered += mock.control("GET", "/journal?token=none").status == 200
    sock.close()
    assert answered == 5
    assert mock.wait(token, **{"for": "ended"})["bytes_sent"] >= 20 * MIB


def test_the_journal_keeps_the_beginning_of_an_endless_answer(mock: Mock, token: str) -> None:
    headers = register(mock, token, {"steps": [{"repeat": {"steps": [{"write": "data: x\n\n"}]}}]})
    sock = mock.connect()
    sock.sendall(wire_request(headers))
    while mock.wait(token, brief=1)["events_sent"] <= 110_000:
        _drain(sock, MIB)
    sock.close()
    entry = mock.wait(token, **{"for": "ended"})
    assert len(entry["events"]) == 100_000
    assert entry["events_sent"] > 110_000
