"""Streams and their failures over HTTP/1.1, byte by byte."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable

import pytest
from conftest import Daemon, body, error, status, text
from scripted_api import (
    CHUNKED,
    DONE,
    END,
    HEAD,
    Api,
    chunk,
    framed,
    read_all,
    read_until,
    sends,
    sized,
)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (HEAD + b"\r\n" + chunk("a") + DONE, "a"),
        (HEAD.replace(b"1.1", b"1.0", 1) + b"\r\n" + chunk("a", finish="stop"), "a"),
        (framed(chunk("a"), DONE) + END, "a"),
        (framed(chunk("a", finish="stop")) + END, "a"),
        (sized(chunk("a") + chunk("b", finish="length")), "ab"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" * 2
            + sized(chunk("a") + DONE), "a"),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
            + framed(chunk("a") + DONE)[len(CHUNKED):] + END, "a"),
    ],
)  # fmt: skip
def test_whole_answers(api: Api, daemon: Daemon, response: bytes, expected: str) -> None:
    api.script = sends(response)
    answer = daemon.ask()
    assert text(answer) == expected
    assert answer.endswith(b"\n\n" + DONE)
    assert answer.count(DONE) == 1


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "response",
    [
        HEAD + b"\r\n" + chunk("a"),
        framed(chunk("a")) + END,
        framed(chunk("a")),
        framed(chunk("a"), chunk("b", finish="stop")[:20]),
        framed(chunk("a", finish="stop")),
        framed(chunk("a", finish="stop")) + b"0\r\n",
        framed(chunk("a")) + b"zz\r\n" + DONE + b"\r\n" + END,
        framed(chunk("a")) + b"1000000000000000e\r\n" + DONE + b"\r\n" + END,
        HEAD + b"Content-Length: 1000\r\n\r\n" + chunk("a", finish="stop"),
        sized(chunk("a") + b"data: error: boom\n\n" + DONE),
        sized(chunk("a") + b'data: {"error":{"message":"boom"}}\n\n' + DONE),
    ],
)
def test_failed_streams(api: Api, daemon: Daemon, response: bytes, reset: bool) -> None:
    def script(conn: socket.socket, request: bytes) -> None:
        conn.sendall(response)
        if reset:
            read.wait(5)  # a reset may overtake what was sent
        sends(reset=reset)(conn, request)

    read = threading.Event()
    api.script = script
    with daemon.hand_off() as client:
        answer = read_until(client, b'"a"}\n\n')
        read.set()
        answer += read_all(client)
    assert status(answer) == 200
    assert text(answer) == "a"
    assert error(answer).keys() == {"message", "type", "code"}
    assert DONE not in answer
    assert answer.endswith(b"}\n\n")


JSON = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


def refused(status_line: bytes, value: object, extra: bytes = b"") -> bytes:
    content = json.dumps(value).encode()
    return b"HTTP/1.1 " + status_line + b"\r\n" + extra + JSON % (len(content), content)


REFUSAL = {"error": {"message": "no: sk-secret-canary", "type": "t", "code": "c", "param": None}}


@pytest.mark.parametrize(
    ("response", "expected", "message"),
    [
        (refused(b"400 Bad Request", REFUSAL), 400, "no: [redacted]"),
        (refused(b"401 Unauthorized", REFUSAL), 401, "no: [redacted]"),
        (refused(b"404 Not Found", "text"), 404, "text"),
        (refused(b"422 Odd", {"detail": 1}), 422, "the API answered with status 422"),
        (refused(b"500 Oops", REFUSAL), 502, "no: [redacted]"),
        (refused(b"200 OK", REFUSAL), 502, "no: [redacted]"),
        (refused(b"200 OK", {"choices": []}), 502, None),
        (refused(b"307 Go", REFUSAL, b"Location: http://127.0.0.1:1/\r\n"), 502, None),
        (b"HTTP/1.1 204 None\r\n\r\n", 502, None),
        (b"HTTP/1.1 502 Bad\r\nContent-Type: text/html\r\n\r\n<html>", 502, None),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", 502, None),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b", 502, None),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 502, None),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 502, None),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", 502, None),
        (b"junk\r\n\r\n", 502, None),
        (b"HTTP/1.1 200 OK\r\nContent-", 502, None),
        (b"", 502, None),
    ],
)
def test_failures_before_the_stream(
    api: Api, daemon: Daemon, response: bytes, expected: int, message: str | None
) -> None:
    api.script = sends(response)
    answer = daemon.ask({"prompt": "x", "response_headers": {"X-A": "1"}})
    assert status(answer) == expected
    assert b"X-A: 1\r\n" in answer
    assert b"Content-Type: application/json\r\n" in answer
    assert message in (None, error(answer)["message"])
    assert b"html" not in answer
    assert len(api.requests) == 1


def test_retry_after_is_kept(api: Api, daemon: Daemon) -> None:
    api.script = sends(refused(b"429 Slow down", REFUSAL, b"Retry-After: 30\r\n"))
    answer = daemon.ask()
    assert status(answer) == 429
    assert b"\r\nRetry-After: 30\r\n" in answer


def test_an_early_refusal_of_a_large_request(api: Api, daemon: Daemon) -> None:
    def greet(conn: socket.socket) -> None:
        conn.recv(1000)
        conn.sendall(refused(b"413 Too Large", REFUSAL))
        conn.close()  # with a reset: most of the request is unread

    api.greet = greet
    assert status(daemon.ask({"prompt": "x" * 200_000})) == 413


def test_time_bounds(api: Api, daemon: Daemon) -> None:
    api.script = lambda conn, _: None
    assert status(daemon.ask()) == 504
    api.script = sends(framed(chunk("a")), close=False)
    answer = daemon.ask()
    assert text(answer) == "a"
    assert error(answer)["code"] == "upstream_timeout"


def test_heartbeats_do_not_put_off_a_done_that_is_due(api: Api, daemon: Daemon) -> None:
    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(framed(chunk("a", finish="stop")))
        while not gone.wait(0.1):
            conn.sendall(framed(b": beat\n\n")[len(CHUNKED) :])

    gone = threading.Event()
    api.script = script
    answer = daemon.ask()
    gone.set()
    assert error(answer)["code"] == "upstream_timeout"


def test_an_api_that_lingers_after_done_is_let_go(api: Api, daemon: Daemon) -> None:
    ended = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(framed(chunk("a"), DONE, chunk("junk")))
        with contextlib.suppress(OSError):
            conn.recv(1)
        ended.set()

    api.script = script
    assert daemon.ask().endswith(b'"a"}\n\n' + DONE)
    assert ended.wait(2)


def test_a_connection_is_used_again_only_if_clean(api: Api, daemon: Daemon) -> None:
    whole = sized(chunk("a") + DONE)
    for response, reusable in [
        (whole, True),
        (framed(chunk("a"), DONE) + END, True),
        (whole + b"leftover", False),
        (whole.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1), False),
        (refused(b"400 Bad", REFUSAL), True),
    ]:
        api.script = sends(response, close=False)
        daemon.ask()
        before = api.connections
        api.script = sends(whole, close=False)
        assert text(daemon.ask()) == "a"
        assert (api.connections == before) == reusable, response


def test_a_request_on_a_stale_connection_is_sent_again(api: Api, daemon: Daemon) -> None:
    assert text(daemon.ask()) == "hi"

    def script(conn: socket.socket, _: bytes) -> None:
        if len(api.requests) == 2:
            conn.close()
        else:
            conn.sendall(sized(chunk("again") + DONE))

    api.script = script
    assert text(daemon.ask()) == "again"
    assert len(api.requests) == 3


def test_a_request_that_may_have_been_processed_is_not_sent_again(api: Api, daemon: Daemon) -> None:
    assert text(daemon.ask()) == "hi"
    api.script = sends(b"H")
    assert status(daemon.ask()) == 502
    assert len(api.requests) == 2
    api.script = sends()  # a fresh connection now
    assert status(daemon.ask()) == 502
    assert len(api.requests) == 3


def test_unreachable(start: Callable[..., Daemon]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    daemon = start({"OPENAI_API_BASE": f"http://127.0.0.1:{port}", "HTTP_PROXY": "http://x"})
    answer = daemon.ask()
    assert status(answer) == 502
    assert error(answer)["code"] == "upstream_unreachable"


def test_format_openai(api: Api, start: Callable[..., Daemon]) -> None:
    daemon = start({"OPENAI_API_BASE": api.base}, "--format", "openai")
    events = chunk("a", index=1) + chunk("", finish="stop", index=1) + b'data: {"x": 1.0}\n\n'
    api.script = sends(sized(events + DONE))
    assert body(daemon.ask()) == events + DONE


def test_header_injection_is_refused(api: Api, daemon: Daemon) -> None:
    for field in ("test_pattern", "request_id"):
        assert status(daemon.ask({"prompt": "x", field: "a\r\nX-Evil: 1"})) == 400
    assert not api.requests
