"""Requests that are read slowly, or answered before they are read."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hyperframe.frame import PingFrame, RstStreamFrame, WindowUpdateFrame

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import Mock, chat
from tests.mock_api.clients.raw_frames import RawFrames
from tests.mock_api.clients.scripted import read_to_end, register, wire_request

STEPS = [{"write": "early"}]


@pytest.fixture
def raw(mock: Mock) -> Iterator[RawFrames]:
    client = RawFrames(mock.connect())
    yield client
    client.sock.close()


def _head(headers: list[tuple[str, str]], length: int) -> bytes:
    """The head of a request whose body is to be so long."""
    whole = wire_request(headers, b"x")
    return whole[:-1].replace(b"content-length: 1\r\n", b"content-length: %d\r\n" % length)


def _send_what_fits(sock: socket.socket, data: bytes) -> int:
    """Send until the buffers on both sides are full; how much that was."""
    sent = 0
    sock.setblocking(False)
    try:
        while sent < len(data):
            sent += sock.send(memoryview(data)[sent:])
    except BlockingIOError:
        pass
    sock.settimeout(10)
    return sent


@pytest.mark.parametrize("size", [0, 1, 5])
def test_an_answer_before_the_request_is_read(mock: Mock, token: str, size: int) -> None:
    headers = register(mock, token, {"steps": STEPS, "request": {"read": size}})
    sock = mock.connect()
    sock.sendall(_head(headers, 100) + b"hello")
    assert read_to_end(sock).endswith(b"5\r\nearly\r\n0\r\n\r\n")
    sock.sendall(b"x" * 50)
    assert _send_what_fits(sock, bytes(100_000_000)) < 100_000_000
    sock.close()
    entry = mock.wait(token, **{"for": "ended"})
    assert entry["body"] == b"hello"[:size]
    assert entry["end"] == "finished"


def test_a_request_shorter_than_that_is_complete(mock: Mock, h1: H1Client, token: str) -> None:
    headers = register(mock, token, {"steps": STEPS, "request": {"read": 10_000}})
    for _ in range(2):
        assert h1.chat(chat(), headers).body == b"early"
    assert [entry["body"] for entry in mock.entries(token=token)] == [chat(), chat()]


def test_no_continue_for_what_is_not_read(mock: Mock, token: str) -> None:
    headers = register(mock, token, {"steps": STEPS, "request": {"read": 0}})
    sock = mock.connect()
    sock.sendall(_head([*headers, ("expect", "100-continue")], 100))
    assert read_to_end(sock).startswith(b"HTTP/1.1 200 OK\r\n")
    sock.close()


@pytest.mark.parametrize("size", [0, 5])
def test_an_early_answer_on_http2(mock: Mock, raw: RawFrames, token: str, size: int) -> None:
    headers = register(mock, token, {"steps": STEPS, "request": {"read": size}})
    for stream in (1, 3):
        raw.send(raw.head(stream, headers), raw.body(stream, b"hello", end=False))
        raw.read_until(lambda stream=stream: len(raw.of(RstStreamFrame)) == stream // 2 + 1)
        assert raw.data(stream) == b"early"
        assert raw.of(RstStreamFrame)[-1].error_code == 0
        assert "END_STREAM" in [each for each in raw.frames if each.stream_id == stream][-2].flags
        raw.send(raw.body(stream, b"more"), PingFrame(0, b"%08d" % stream))
        raw.read_until(lambda stream=stream: len(raw.of(PingFrame)) == stream // 2 + 1)
    assert len(raw.of(RstStreamFrame)) == 2
    for entry in mock.entries(token=token):
        assert entry["body"] == b"hello"[:size]
        assert entry["end"] == "finished"


def test_slow_reading(mock: Mock, token: str) -> None:
    headers = register(mock, token, {"steps": STEPS, "request": {"read": 3, "gate": 1}})
    body = chat(prompt="x" * 10_000_000)
    sock = mock.connect()
    sock.sendall(_head(headers, len(body)))
    sent = _send_what_fits(sock, body)
    assert sent < len(body)
    mock.control("POST", f"/gates/{token}", {"open": 1})
    sock.sendall(memoryview(body)[sent:])
    assert b"early" in sock.recv(65536)
    assert mock.wait(token, **{"for": "ended"})["body"] == body
    sock.close()


def test_a_held_request_is_answered_when_its_gate_opens(mock: Mock, token: str) -> None:
    headers = register(mock, token, {"steps": STEPS, "request": {"read": 0, "gate": 2}})
    first, second = mock.connect(), mock.connect()
    client = H2Client(second)
    first.sendall(wire_request(headers))
    stream = client.request(chat(), headers)
    client.fence()
    assert mock.entries(token=token) == []
    mock.control("POST", f"/gates/{token}", {"open": 2})
    assert b"early" in first.recv(65536)
    assert client.finish(stream).body == b"early"
    assert [entry["body"] for entry in mock.entries(token=token)] == [chat(), chat()]
    first.close()
    client.close()


def test_no_window_is_granted_meanwhile(mock: Mock, raw: RawFrames, token: str) -> None:
    headers = register(mock, token, {"steps": STEPS, "request": {"read": 1, "gate": 1}})
    raw.send(raw.head(1, headers))
    body = chat(prompt="x" * 1_000_000)
    for at in range(0, 900_000, 16_000):
        raw.send(raw.body(1, body[at : at + 16_000], end=False))
    raw.send(PingFrame(0, b"the.last"))
    raw.read_until(lambda: bool(raw.of(PingFrame)))
    assert [each for each in raw.of(WindowUpdateFrame) if each.stream_id] == []
    mock.control("POST", f"/gates/{token}", {"open": 1})
    raw.read_until(lambda: any(each.stream_id == 1 for each in raw.of(WindowUpdateFrame)))
    at = (900_000 + 15_999) // 16_000 * 16_000
    for start in range(at, len(body), 16_000):
        raw.send(raw.body(1, body[start : start + 16_000], end=start + 16_000 >= len(body)))
    raw.read_until(lambda: raw.data(1) == b"early")
    assert mock.wait(token)["body"] == body


def test_leaving_while_held(mock: Mock, token: str) -> None:
    headers = register(mock, token, {"steps": STEPS, "request": {"read": 0, "gate": 1}})
    client = H2Client(mock.connect())
    client.request(chat(), headers)
    client.fence()
    client.close()
    sock = mock.connect()
    sock.sendall(wire_request(headers))
    sock.shutdown(socket.SHUT_WR)
    mock.control("POST", f"/gates/{token}", {"open": 1})
    sock.recv(65536)
    sock.close()
    assert mock.control("GET", "/journal?token=nobody").status == 200


def test_attempts_read_each_in_its_own_way(mock: Mock, token: str) -> None:
    early = {"status": 503, "request": {"read": 0}}
    headers = register(mock, token, {"attempts": [early, {"steps": STEPS}]})
    sock = mock.connect()
    sock.sendall(_head(headers, 100))
    assert read_to_end(sock).startswith(b"HTTP/1.1 503 ")
    sock.close()
    client = H1Client(mock.connect())
    assert client.chat(chat(), headers).status == 200
    client.close()
    assert [len(entry["body"]) for entry in mock.entries(token=token)] == [0, len(chat())]
