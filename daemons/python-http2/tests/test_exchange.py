"""Streams and their failures over HTTP/1.1, byte by byte."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Daemon, body, error, status, text
from scripted_api import DONE, HEAD, Api, chunk, read_all, read_until, sized, until


def says(*pieces: bytes, close: bool = True, reset: bool = False) -> Callable[..., None]:
    """A script: these pieces, then the end of the connection."""

    def script(conn: socket.socket, _: bytes) -> None:
        for piece in pieces:
            conn.sendall(piece)
        if reset:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if close or reset:
            conn.close()

    return script


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def framed(*pieces: bytes) -> bytes:
    return CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


END = b"0\r\n\r\n"


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
    api.script = says(response)
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
        says(reset=reset)(conn, request)

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


SAID = {"error": {"message": "no: sk-secret-canary", "type": "t", "code": "c", "param": None}}


@pytest.mark.parametrize(
    ("response", "expected", "message"),
    [
        (refused(b"400 Bad Request", SAID), 400, "no: [redacted]"),
        (refused(b"401 Unauthorized", SAID), 401, "no: [redacted]"),
        (refused(b"404 Not Found", "text"), 404, "text"),
        (refused(b"422 Odd", {"detail": 1}), 422, "the API answered with status 422"),
        (refused(b"500 Oops", SAID), 502, "no: [redacted]"),
        (refused(b"200 OK", SAID), 502, "no: [redacted]"),
        (refused(b"200 OK", {"choices": []}), 502, None),
        (refused(b"307 Go", SAID, b"Location: http://127.0.0.1:1/\r\n"), 502, None),
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
    api.script = says(response)
    answer = daemon.ask({"prompt": "x", "response_headers": {"X-A": "1"}})
    assert status(answer) == expected
    assert b"X-A: 1\r\n" in answer
    assert b"Content-Type: application/json\r\n" in answer
    assert message in (None, error(answer)["message"])
    assert b"html" not in answer
    assert len(api.requests) == 1


def test_retry_after_is_kept(api: Api, daemon: Daemon) -> None:
    api.script = says(refused(b"429 Slow down", SAID, b"Retry-After: 30\r\n"))
    answer = daemon.ask()
    assert status(answer) == 429
    assert b"\r\nRetry-After: 30\r\n" in answer


def test_an_early_refusal_of_a_large_request(api: Api, daemon: Daemon) -> None:
    def greet(conn: socket.socket) -> None:
        conn.recv(1000)
        conn.sendall(refused(b"413 Too Large", SAID))
        conn.close()  # with a reset: most of the request is unread

    api.greet = greet
    assert status(daemon.ask({"prompt": "x" * 200_000})) == 413


def test_time_bounds(api: Api, daemon: Daemon) -> None:
    api.script = lambda conn, _: None
    assert status(daemon.ask()) == 504
    api.script = says(framed(chunk("a")), close=False)
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


@pytest.mark.parametrize("how", ["close", "half-close", "reset"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_client_that_leaves_ends_the_request(
    api: Api, daemon: Daemon, how: str, begun: bool
) -> None:
    ended = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        if begun:
            conn.sendall(framed(chunk("a")))
        with contextlib.suppress(OSError):
            conn.recv(1)
        ended.set()

    api.script = script
    before = len(daemon.fds())
    client = daemon.hand_off()
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    until(lambda: api.requests)
    if begun:
        read_until(client, b'"a"}\n\n')
    if how == "half-close":
        client.shutdown(socket.SHUT_WR)
        assert b"client_left" in read_all(client)
    elif how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert ended.wait(0.9)  # and not because of a time bound
    until(lambda: len(daemon.fds()) <= before)


def test_a_client_that_left_before_is_not_served(api: Api, daemon: Daemon) -> None:
    client, server = socket.socketpair()
    client.close()
    daemon.send(b'{"prompt":"x"}', server.fileno())
    server.close()
    assert text(daemon.ask()) == "hi"
    assert len(api.requests) == 1


def test_unread_input_does_not_cost_the_tail(api: Api, daemon: Daemon) -> None:
    api.script = says(sized(chunk("x" * 500_000) + DONE), close=False)
    client = daemon.hand_off()
    client.sendall(b"x" * 100_000)
    answer = b""
    while more := client.recv(1000):
        answer += more
        if len(answer) < 100_000:
            client.sendall(b"more")
    assert answer.endswith(DONE)
    client.close()


def test_a_stalled_client_pauses_the_api_and_gets_the_tail(
    api: Api, start: Callable[..., Daemon]
) -> None:
    count = 2000
    sent = 0
    pieces = [chunk(f"{number:05}" + "x" * 10_000) for number in range(count)]

    def script(conn: socket.socket, _: bytes) -> None:
        nonlocal sent
        conn.sendall(HEAD + b"\r\n")
        for piece in pieces:
            conn.sendall(piece)
            sent += 1
        conn.sendall(DONE)
        conn.close()

    api.script = script
    daemon = start({"OPENAI_API_BASE": api.base}, "--idle-timeout", "1")
    assert text(daemon.ask({"prompt": "warm"})).startswith("00000")
    idle, sent = rss(daemon), 0
    with daemon.hand_off(small=True) as client:
        first = read_until(client, b"data: ")
        last = -1
        while last != sent:
            last = sent
            threading.Event().wait(0.5)
        assert sent < count
        assert rss(daemon) - idle < 8 << 20
        threading.Event().wait(1.0)  # the API waits; it is not idle
        answer = text(first + read_all(client))
    assert answer == "".join(f"{number:05}" + "x" * 10_000 for number in range(count))


def rss(daemon: Daemon) -> int:
    """Resident bytes."""
    status_file = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status_file.partition("VmRSS:")[2].split()[0]) * 1024


def test_a_client_that_never_reads_is_given_up(api: Api, daemon: Daemon) -> None:
    ended = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(HEAD + b"\r\n")
        with contextlib.suppress(OSError):
            while True:
                conn.sendall(chunk("x" * 10_000))
        ended.set()

    api.script = script
    with daemon.hand_off() as client:
        assert ended.wait(10)
        with pytest.raises(ConnectionResetError):
            read_all(client)


def test_a_connection_is_used_again_only_if_clean(api: Api, daemon: Daemon) -> None:
    whole = sized(chunk("a") + DONE)
    for response, reusable in [
        (whole, True),
        (framed(chunk("a"), DONE) + END, True),
        (whole + b"leftover", False),
        (whole.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1), False),
        (refused(b"400 Bad", SAID), True),
    ]:
        api.script = says(response, close=False)
        daemon.ask()
        before = api.connections
        api.script = says(whole, close=False)
        assert text(daemon.ask()) == "a"
        assert (api.connections == before) == reusable, response


def test_a_stale_connection_costs_nobody_an_answer(api: Api, daemon: Daemon) -> None:
    assert text(daemon.ask()) == "hi"

    def script(conn: socket.socket, _: bytes) -> None:
        if len(api.requests) == 2:
            conn.close()
        else:
            conn.sendall(sized(chunk("again") + DONE))

    api.script = script
    assert text(daemon.ask()) == "again"
    assert len(api.requests) == 3


def test_what_may_have_been_processed_is_not_sent_again(api: Api, daemon: Daemon) -> None:
    assert text(daemon.ask()) == "hi"
    api.script = says(b"H")
    assert status(daemon.ask()) == 502
    assert len(api.requests) == 2
    api.script = says()  # a fresh connection now
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
    api.script = says(sized(events + DONE))
    assert body(daemon.ask()) == events + DONE


def test_header_injection_is_refused(api: Api, daemon: Daemon) -> None:
    for field in ("test_pattern", "request_id"):
        assert status(daemon.ask({"prompt": "x", field: "a\r\nX-Evil: 1"})) == 400
    assert not api.requests
