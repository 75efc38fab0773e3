"""HTTP/1.1 as clients really speak it, and as they should not."""

from __future__ import annotations

from collections.abc import Callable

import h11
import pytest

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.mock import Mock, chat, contents, events, pattern_header
from tests.mock_api.clients.scripted import register


def raw(mock: Mock, *parts: bytes) -> bytes:
    """Send these bytes, and read until the mock closes the connection."""
    sock = mock.connect()
    for part in parts:
        sock.sendall(part)
    received = b""
    while data := sock.recv(65536):
        received += data
    sock.close()
    return received


def post(body: bytes, *headers: bytes, version: bytes = b"1.1") -> bytes:
    """A chat request as bytes."""
    lines = [b"POST /v1/chat/completions HTTP/" + version, b"Host: mock", *headers]
    lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_keep_alive(h1: H1Client) -> None:
    for pattern in ("short", "unicode", "short", "abort:3"):
        assert h1.chat(chat(), pattern_header(pattern)).status == 200


def test_the_connection_goes_on_after_a_large_answer(mock: Mock, h1: H1Client) -> None:
    steps = [{"repeat": {"times": 48, "steps": [{"delta": "x" * 32_768}]}}]
    assert len(events(h1.chat(chat(), register(mock, "large", {"steps": steps})).body)) == 48
    for _ in range(3):
        journal = h1.exchange("GET", "/_control/journal?token=large").json()
        assert len(journal["entries"][0]["events"]) == 48


def test_pipelined_requests_are_answered_in_order(mock: Mock) -> None:
    patterns = [b"finish:r%d" % number for number in range(300)]
    requests = b"".join(post(chat(), b"X-Test-Pattern: " + pattern) for pattern in patterns)
    client = H1Client(mock.connect())
    client.sock.sendall(requests)
    for pattern in patterns:
        client.h11.send(h11.Request(method="POST", target="/", headers=[("host", "m")]))
        client.h11.send(h11.EndOfMessage())
        assert client.receive().headers["x-test-pattern-applied"] == pattern.decode()
        client.h11.start_next_cycle()
    client.close()


def test_pipelined_behind_a_timed_one(start_mock: Callable[..., Mock]) -> None:
    mock = start_mock("--delay", "5", "--chunks", "2")
    sent = post(chat(), b"X-Test-Pattern: ;t=a") + post(chat(), b"X-Test-Pattern: ;t=b")
    both = raw(mock, sent + post(chat(), b"X-Test-Pattern: ;t=c", b"Connection: close"))
    assert both.count(b"HTTP/1.1 200 OK") == 3
    first, second = mock.entries(token="a")[0], mock.entries(token="b")[0]
    assert first["end"] == second["end"] == "finished"
    assert first["ended_at"] <= second["events"][0]["at"]


def test_one_byte_at_a_time(mock: Mock) -> None:
    request = post(chat(), b"X-Test-Pattern: short", b"Connection: close")
    received = raw(mock, *(request[at : at + 1] for at in range(len(request))))
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_chunked_request_bodies(mock: Mock, token: str, size: int) -> None:
    token = f"chunked-{size}"
    body = chat(prompt="x" * 3000)
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    coded = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: m\r\nConnection: close\r\n"
        b"X-Test-Pattern: ;t=%b\r\nTransfer-Encoding: chunked\r\n\r\n" % token.encode()
    )
    assert raw(mock, head, coded, b"0\r\nX-Trailer: 1\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert mock.wait(token)["body"] == body


def test_big_bodies(mock: Mock, h1: H1Client, token: str) -> None:
    body = chat(prompt="é" * 2_000_000)
    assert h1.chat(body, pattern_header(f";t={token}")).status == 200
    assert mock.wait(token)["body"] == body


@pytest.mark.parametrize(
    ("headers", "version", "closes"),
    [
        ((), b"1.1", False),
        ((b"Connection: close",), b"1.1", True),
        ((), b"1.0", True),
        ((b"Connection: keep-alive",), b"1.0", True),
    ],
)
def test_how_the_connection_goes_on(
    mock: Mock, headers: tuple[bytes, ...], version: bytes, closes: bool
) -> None:
    client = H1Client(mock.connect())
    client.sock.sendall(post(chat(), *headers, version=version))
    client.h11.send(h11.Request(method="POST", target="/", headers=[("host", "m")]))
    client.h11.send(h11.EndOfMessage())
    response = client.receive()
    assert len(contents(events(response.body))) == 18
    assert (response.headers.get("connection") == "close") == closes
    assert ("transfer-encoding" in response.headers) == (version == b"1.1")
    if closes:
        assert client.sock.recv(1) == b""
    client.close()


def test_head(mock: Mock) -> None:
    received = raw(mock, b"HEAD /v1/models HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 405 ")
    assert received.endswith(b"\r\n\r\n")


def test_expect_continue(mock: Mock) -> None:
    body = chat()
    head, _ = post(body, b"Expect: 100-continue", b"Connection: close").split(b"\r\n\r\n")
    sock = mock.connect()
    sock.sendall(head + b"\r\n\r\n")
    assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    sock.sendall(body)
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    sock.close()


def test_an_upgrade_is_not_taken_up(mock: Mock) -> None:
    upgrade = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
    last = post(chat(), b"X-Test-Pattern: short", b"Connection: close")
    key = b"Authorization: Bearer sk-upgrade"
    assert mock.control("PUT", "/keys/upgrade", {"key": "sk-upgrade"}).status == 200
    received = raw(mock, post(chat(), key, *upgrade) + last)
    (entry,) = mock.entries(key="upgrade")
    assert entry["body"] == chat()
    assert ["upgrade", "h2c"] in entry["headers"]
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert b"x-test-pattern-applied: short" in received


MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 garbage\r\n\r\n",
    "space before colon": b"GET /health HTTP/1.1\r\nHost : m\r\n\r\n",
    "control character": b"GET /health HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    "bad length": b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 1x\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "length and chunked": (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
    "bad chunk": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "almost a preface": b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_requests_are_refused_and_the_connection_closed(
    mock: Mock, request_bytes: bytes
) -> None:
    received = raw(mock, request_bytes)
    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"connection: close" in received
    assert b'"error"' in received


def test_what_was_complete_before_the_malformed_one_is_answered(mock: Mock) -> None:
    received = raw(mock, post(chat(), b"X-Test-Pattern: short") + b"garbage\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"0\r\n\r\nHTTP/1.1 400 Bad Request\r\n" in received


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + 300_000 * b"x", b"431"),
        (post(17_000_000 * b"x"), b"413"),
    ],
)
def test_limits(mock: Mock, request_bytes: bytes, status: bytes) -> None:
    assert raw(mock, request_bytes).startswith(b"HTTP/1.1 " + status)


def test_not_found_and_not_allowed(h1: H1Client) -> None:
    response = h1.exchange("GET", "/v1/nothing")
    assert response.status == 404
    assert "/v1/chat/completions" in response.json()["error"]["message"]
    response = h1.exchange("GET", "/v1/chat/completions")
    assert response.status == 405
    assert response.headers["allow"] == "POST"


def test_models_and_health(h1: H1Client) -> None:
    (model,) = h1.exchange("GET", "/v1/models").json()["data"]
    assert model["id"] == "mock"
    assert h1.exchange("GET", "/health?x=1").json() == {"status": "ok"}


def test_compression_is_not_used_where_it_is_offered(h1: H1Client) -> None:
    response = h1.chat(chat(), [("accept-encoding", "gzip")])
    assert "content-encoding" not in response.headers
    assert len(events(response.body)) == 20
