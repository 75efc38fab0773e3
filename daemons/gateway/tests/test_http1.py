"""Requests on HTTP/1.1 connections: what follows what, and how clients leave."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable

import pytest
from clients import CHAT, Http1Client, get, post
from conftest import Gateway
from scripted_api import DONE, HEAD, Api, chunk, sized, until


def begin(conn: socket.socket) -> None:
    """Send the head of a stream that the end of the connection ends, and an event."""
    conn.sendall(HEAD + b"\r\n" + chunk("a"))


def test_a_stream_keeps_the_connection(api: Api, gateway: Gateway) -> None:
    with gateway.connect() as client:
        for _ in range(3):
            answer = client.ask(post())
            assert answer.text == "hi"
            assert answer.end == "chunked"
            assert "connection" not in answer.headers
    assert len(api.requests) == 3


def test_the_head_of_a_stream(api: Api, gateway: Gateway) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    head += b"Cache-Control: no-cache, no-transform\r\nX-Request-Id: r1\r\nX-Other: 1\r\n"
    head += b"Set-Cookie: a=b\r\nServer: api\r\nConnection: close, x-other\r\nKeep-Alive: 5\r\n\r\n"

    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(head + chunk("a") + DONE)
        conn.close()

    api.script = script
    answer = gateway.ask()
    assert answer.text == "a"
    assert answer.headers.pop("date").endswith("GMT")
    assert answer.headers == {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache, no-transform",
        "x-request-id": "r1",
        "x-accel-buffering": "no",
        "transfer-encoding": "chunked",
    }


def test_a_connection_survives_errors_and_broken_streams(api: Api, gateway: Gateway) -> None:
    def cut(conn: socket.socket, _: bytes) -> None:
        begin(conn)
        conn.close()

    with gateway.connect() as client:
        api.script = cut
        answer = client.ask(post())
        assert answer.end == "chunked"
        assert answer.error["code"] == "upstream_truncated"
        assert b"[DONE]" not in answer.body
        api.script = lambda conn, _: conn.close()
        assert client.ask(post()).status == 502
        assert client.ask(post(b"{")).status == 400
        assert client.ask(get("/nowhere")).status == 404
        api.script = lambda conn, _: conn.sendall(sized(chunk("again") + DONE))
        assert client.ask(post()).text == "again"


def test_pipelined_requests_are_answered_in_order(api: Api, gateway: Gateway) -> None:
    def echo(conn: socket.socket, request: bytes) -> None:
        conn.sendall(sized(chunk(json.loads(request.partition(b"\r\n\r\n")[2])["model"]) + DONE))

    api.script = echo
    with gateway.connect() as client:
        names = [f"m{number}" for number in range(50)]
        client.send(b"".join(post({**CHAT, "model": name}) for name in names))
        assert [client.read().text for _ in names] == names


def test_a_client_of_http_1_0(api: Api, gateway: Gateway) -> None:
    with gateway.connect() as client:
        answer = client.ask(post(version="1.0"))
        assert (answer.text, answer.end) == ("hi", "close")
        assert answer.headers["connection"] == "close"


def test_connection_close_is_honoured(gateway: Gateway) -> None:
    with gateway.connect() as client:
        answer = client.ask(post(None, "Connection: close"))
        assert answer.headers["connection"] == "close"
        assert client.at_eof()


def test_tls(gateway: Gateway) -> None:
    with Http1Client(gateway.tls_port, ca_file=gateway.ca_file) as client:
        assert client.ask(post()).text == "hi"
        assert client.ask(post()).text == "hi"
        client.sock.settimeout(10)
        client.send(post(None, "Connection: close"))
        assert client.read().text == "hi"
        assert client.at_eof()  # by close_notify, or the ssl module would raise


def test_a_body_in_chunks_cut_everywhere(api: Api, gateway: Gateway) -> None:
    data = json.dumps(CHAT).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"%x;a=b\r\n%b\r\n%x\r\n%b\r\n0\r\nX-T: 1\r\n\r\n" % (
        5,
        data[:5],
        len(data) - 5,
        data[5:],
    )
    with gateway.connect() as client:
        for size in (1, 7, 1000):
            request = head + body
            for start in range(0, len(request), size):
                client.send(request[start : start + size])
            assert client.read().text == "hi"
    assert api.body() == CHAT


def test_expect_continue(gateway: Gateway) -> None:
    with gateway.connect() as client:
        head, _, body = post(None, "Expect: 100-continue").partition(b"\r\n\r\n")
        client.send(head + b"\r\n\r\n")
        assert client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(body)
        assert client.read().text == "hi"


def test_head_has_no_body(gateway: Gateway) -> None:
    with gateway.connect() as client:
        client.send(get("/health", method="HEAD"))
        answer = client.read("HEAD")
        assert (answer.status, answer.headers["content-length"]) == (200, "16")
        assert client.ask(get("/health")).json == {"status": "ok"}


@pytest.mark.parametrize("phase", ["before the head", "silent", "streaming"])
@pytest.mark.parametrize("how", ["close", "half-close", "reset"])
@pytest.mark.parametrize("secure", [False, True])
def test_a_client_that_leaves_ends_the_request(
    api: Api, gateway: Gateway, how: str, phase: str, secure: bool
) -> None:
    ended = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        if phase != "before the head":
            begin(conn)
        conn.settimeout(0.05 if phase == "streaming" else None)
        with contextlib.suppress(OSError):
            while True:
                try:
                    if not conn.recv(1):
                        break
                except TimeoutError:
                    conn.sendall(chunk("b"))
        ended.set()

    api.script = script
    before = gateway.descriptors()
    port = gateway.tls_port if secure else gateway.port
    client = Http1Client(port, ca_file=gateway.ca_file if secure else None)
    client.send(post())
    until(lambda: api.requests)
    if phase != "before the head":
        client.until(b'"a"')
    if how == "half-close":
        client.sock.shutdown(socket.SHUT_WR)
    elif how == "reset":
        client.reset()
    if how != "half-close":
        client.sock.close()
    assert ended.wait(0.9)  # and not because of a time bound
    client.sock.close()
    until(lambda: gateway.descriptors() <= before)


def test_a_half_closed_client_gets_an_error(api: Api, gateway: Gateway) -> None:
    api.script = lambda conn, _: begin(conn)
    with gateway.connect() as client:
        client.send(post())
        until(lambda: api.requests)
        client.sock.shutdown(socket.SHUT_WR)
        answer = client.read()
        assert answer.error["code"] == "client_left"
        assert client.at_eof()


def test_surplus_bytes_cost_neither_the_answer_nor_the_sight_of_a_fin(
    api: Api, gateway: Gateway
) -> None:
    gone = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        begin(conn)
        conn.recv(1)
        gone.set()

    api.script = script
    with gateway.connect() as client:
        client.send(post() + b"x" * 1_000_000)
        client.until(b'"a"')
    assert gone.wait(0.9)


def test_a_large_answer_survives_unread_input(api: Api, gateway: Gateway) -> None:
    api.script = lambda conn, _: conn.sendall(sized(chunk("x" * 500_000) + DONE))
    with gateway.connect() as client:
        answer = client.ask(post(None, "Connection: close") + b"x" * 100_000)
        assert answer.text == "x" * 500_000


def test_a_slow_request_is_given_up(api: Api, gateway: Gateway) -> None:
    with gateway.connect() as client:
        client.send(post()[:-5])
        answer = client.read()
        assert (answer.status, answer.error["code"]) == (408, "request_timeout")
        assert client.at_eof()
    assert not api.requests


def test_pipelining_without_reading_costs_little_memory(
    api: Api, start: Callable[..., Gateway]
) -> None:
    gateway = start({"OPENAI_API_BASE": api.base})
    assert gateway.ask().text == "hi"
    api.reset()
    api.script = lambda conn, _: conn.sendall(sized(chunk("x" * 50_000) + DONE))
    idle = gateway.resident()
    with gateway.connect() as client:
        request = post()
        client.send(request * 500)
        last = -1
        while last != len(api.requests):
            last = len(api.requests)
            threading.Event().wait(0.3)
        assert last < 500
        assert gateway.resident() - idle < 8 << 20
        for _ in range(last):
            assert client.read().text == "x" * 50_000
