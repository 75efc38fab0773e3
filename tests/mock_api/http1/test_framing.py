"""Scripts that write parts of HTTP themselves: heads, framing, 1xx, trailers."""

from __future__ import annotations

import re

import h11
import pytest
from h2.settings import SettingCodes

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.http2 import H2Client
from tests.mock_api.clients.mock import Mock, chat
from tests.mock_api.clients.scripted import read_to_end, register, wire_request


def _wire(mock: Mock, headers: list[tuple[str, str]], *, end: bytes) -> bytes:
    """The answer's bytes, up to `end`."""
    sock = mock.connect()
    sock.sendall(wire_request(headers))
    came = b""
    while not came.endswith(end):
        part = sock.recv(65536)
        assert part, came
        came += part
    sock.close()
    return came


def test_the_scripts_own_head(mock: Mock, token: str) -> None:
    head = "HTTP/1.0 200 OK\r\nx: 1\r\n\r\n"
    script = {"head": head, "framing": "raw", "steps": [{"write": "data: a\n\n"}]}
    came = _wire(mock, register(mock, token, script), end=b"\n\n")
    assert came == head.encode() + b"data: a\n\n"
    assert [event["data"] for event in mock.wait(token)["events"]] == ["a"]


def test_closing_inside_the_head_and_before_it(mock: Mock, token: str) -> None:
    for head in ("", "HTTP/1.1 200 OK\r\nconte"):
        script = {"head": head, "framing": "raw", "ending": "abort"}
        sock = mock.connect()
        sock.sendall(wire_request(register(mock, token, script)))
        assert read_to_end(sock) == head.encode()


def test_no_head_on_http2(mock: Mock, h2: H2Client, token: str) -> None:
    script = {"head": "", "ending": "reset", "reset_code": 7}
    reply = h2.exchange(chat(), register(mock, token, script))
    assert reply.reset == 7
    assert not reply.headers
    assert mock.wait(token, **{"for": "ended"})["end"] == "finished"


def test_raw_framing_keeps_the_connection(mock: Mock, h1: H1Client, token: str) -> None:
    script = {
        "framing": "raw",
        "headers": {"transfer-encoding": "chunked"},
        "steps": [{"raw": "3;x=y\r\n"}, {"write": "abc"}, {"raw": "\r\n0\r\nx-sum: 1\r\n\r\n"}],
    }
    headers = register(mock, token, script)
    assert h1.chat(chat(), headers).body == b"abc"
    assert h1.chat(chat(), headers).body == b"abc"
    first, second = mock.entries(token=token)
    assert first["connection"] == second["connection"]


@pytest.mark.parametrize(("length", "complete"), [("5", True), ("6", False), ("4", True)])
def test_the_scripts_own_content_length(
    mock: Mock, h1: H1Client, token: str, length: str, complete: bool
) -> None:
    script = {
        "framing": "raw",
        "headers": {"content-length": length},
        "steps": [{"write": "12345"}],
        "ending": "abort",
    }
    headers = register(mock, token, script)
    if complete:
        assert h1.chat(chat(), headers).body == b"12345"[: int(length)]
    else:
        with pytest.raises(h11.RemoteProtocolError, match="received 5 bytes, expected 6"):
            h1.chat(chat(), headers)


def test_a_wrong_chunk_size(mock: Mock, h1: H1Client, token: str) -> None:
    script = {"steps": [{"write": "a"}, {"raw": "xyz\r\n"}]}
    with pytest.raises(h11.RemoteProtocolError):
        h1.chat(chat(), register(mock, token, script))


def test_raw_framing_on_http2(mock: Mock, h2: H2Client, token: str) -> None:
    framing = {"content-length": "2", "transfer-encoding": "chunked", "connection": "close"}
    script = {
        "framing": "raw",
        "headers": framing,
        "steps": [{"raw": "2\r\n"}, {"write": "ab"}],
    }
    reply = h2.exchange(chat(), register(mock, token, script))
    assert reply.body == b"ab"
    assert reply.ended
    assert reply.headers.keys() & framing.keys() == {"content-length"}


def test_informational_responses(mock: Mock, h1: H1Client, h2: H2Client, token: str) -> None:
    script = {
        "informational": [{"status": 100}, {"status": 103, "headers": {"link": "a"}}],
        "steps": [{"write": "x"}],
    }
    headers = register(mock, token, script)
    assert h1.chat(chat(), headers).body == b"x"
    came = _wire(mock, headers, end=b"0\r\n\r\n")
    assert came.startswith(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"
        b"HTTP/1.1 200 OK\r\n"
    )
    assert h2.exchange(chat(), headers).body == b"x"
    assert h2.informational == [{":status": "100"}, {":status": "103", "link": "a"}]


def test_trailers(mock: Mock, h2: H2Client, token: str) -> None:
    script = {"trailers": {"x-sum": "1"}, "steps": [{"write": "x"}]}
    headers = register(mock, token, script)
    came = _wire(mock, headers, end=b"x-sum: 1\r\n\r\n")
    assert came.endswith(b"\r\n\r\n1\r\nx\r\n0\r\nx-sum: 1\r\n\r\n")
    reply = h2.exchange(chat(), headers)
    assert reply.body == b"x"
    assert reply.trailers == {"x-sum": "1"}


def test_trailers_are_read_by_h11(mock: Mock, h1: H1Client, token: str) -> None:
    script = {"trailers": {"x-sum": "1"}, "steps": [{"write": "x"}]}
    assert h1.chat(chat(), register(mock, token, script)).body == b"x"


def test_chunk_extensions(mock: Mock, h1: H1Client, token: str) -> None:
    script = {"chunk_extension": ';a="b"', "steps": [{"write": "x"}, {"write": "y"}]}
    headers = register(mock, token, script)
    assert h1.chat(chat(), headers).parts == [b"x", b"y"]
    came = _wire(mock, headers, end=b'0;a="b"\r\n\r\n')
    assert re.findall(rb"(\w);a=\"b\"\r\n", came) == [b"1", b"1", b"0"]


@pytest.mark.parametrize("padding", [0, 1, 255])
def test_padding(mock: Mock, token: str, padding: int) -> None:
    small = {SettingCodes.INITIAL_WINDOW_SIZE: 300}
    script = {"padding": padding, "steps": [{"write": "x" * 20_000}], "trailers": {"x-a": "b"}}
    headers = register(mock, token, script)
    for settings in (None, small):
        client = H2Client(mock.connect(), settings=settings)
        reply = client.exchange(chat(), headers)
        assert reply.body == b"x" * 20_000
        assert client.padded == {padding}, "every DATA frame, and no other amount"
        assert reply.trailers == {"x-a": "b"}
        client.close()
