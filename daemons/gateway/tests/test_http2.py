"""Requests on HTTP/2 connections: many streams, and the reach of each error."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable

import pytest
from clients import CHAT, Http2Client
from conftest import Gateway
from h2.settings import SettingCodes
from scripted_api import DONE, HEAD, Api, chunk, sized, until


def named(request: bytes) -> str:
    """The model of a request."""
    return str(json.loads(request.partition(b"\r\n\r\n")[2])["model"])


def chat(model: str) -> dict[str, object]:
    return {**CHAT, "model": model}


@pytest.mark.parametrize("secure", [False, True])
def test_streams_of_one_connection(gateway: Gateway, secure: bool) -> None:
    port = gateway.tls_port if secure else gateway.port
    with Http2Client(port, ca_file=gateway.ca_file if secure else None) as client:
        streams = [client.send() for _ in range(30)]
        answers = [client.read(stream) for stream in streams]
        assert [answer.text for answer in answers] == ["hi"] * 30
        assert {answer.end for answer in answers} == {"END_STREAM"}
        assert "transfer-encoding" not in answers[0].headers
        models = client.read(client.send(method="HEAD", path="/health"))
        assert (models.status, models.body, models.end) == (200, b"", "END_STREAM")


def test_a_truncated_answer_ends_with_a_reset(api: Api, gateway: Gateway) -> None:
    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(HEAD + b"\r\n" + chunk("a"))
        conn.close()

    api.script = script
    with gateway.connect_http2() as client:
        answer = client.read(client.send())
        assert answer.error["code"] == "upstream_truncated"
        assert b"[DONE]" not in answer.body
        assert answer.end == "RST 2"
        api.script = lambda conn, _: conn.sendall(sized(chunk("again") + DONE))
        assert client.read(client.send()).text == "again"


def test_an_error_before_the_head_is_a_whole_response(api: Api, gateway: Gateway) -> None:
    api.script = lambda conn, _: conn.close()
    with gateway.connect_http2() as client:
        answer = client.read(client.send())
        assert (answer.status, answer.end) == (502, "END_STREAM")
        answer = client.read(client.send(b"{"))
        assert (answer.status, answer.end) == (400, "END_STREAM")


@pytest.mark.parametrize("begun", [False, True])
def test_a_reset_cancels_its_request_only(api: Api, gateway: Gateway, begun: bool) -> None:
    ended = threading.Event()

    def script(conn: socket.socket, request: bytes) -> None:
        if named(request) == "other":
            conn.sendall(HEAD + b"\r\n" + chunk("a"))
            ended.wait(10)
            conn.sendall(chunk("b") + DONE)
            conn.close()
            return
        if begun:
            conn.sendall(HEAD + b"\r\n" + chunk("a"))
        with contextlib.suppress(OSError):
            conn.recv(1)
        ended.set()

    api.script = script
    with gateway.connect_http2() as client:
        other = client.send(chat("other"))
        client.until(other, b'"a"')
        stream = client.send(chat("left"))
        until(lambda: len(api.requests) == 2)
        if begun:
            client.until(stream, b'"a"')
        client.reset(stream)
        assert ended.wait(0.9)
        assert client.read(other).text == "ab"


def test_a_reset_in_the_same_packet_cancels_the_request(api: Api, gateway: Gateway) -> None:
    with gateway.connect_http2() as client:
        for _ in range(20):
            flush, client.flush = client.flush, lambda: None  # type: ignore[method-assign]
            stream = client.send()
            client.flush = flush  # type: ignore[method-assign]
            client.reset(stream)
        assert client.read(client.send()).text == "hi"
    assert len(api.requests) <= 21


def test_a_connection_that_ends_cancels_every_request(api: Api, gateway: Gateway) -> None:
    gone: list[int] = []

    def script(conn: socket.socket, _: bytes) -> None:
        with contextlib.suppress(OSError):
            conn.recv(1)
        gone.append(1)

    api.script = script
    client = gateway.connect_http2()
    for _ in range(5):
        client.send()
    until(lambda: len(api.requests) == 5)
    client.sock.close()
    until(lambda: len(gone) == 5)


def test_a_stalled_stream_stalls_no_other(api: Api, start: Callable[..., Gateway]) -> None:
    gateway = start({"OPENAI_API_BASE": api.base})
    sent = 0

    def script(conn: socket.socket, request: bytes) -> None:
        nonlocal sent
        if named(request) == "quick":
            conn.sendall(sized(chunk("hi") + DONE))
            return
        conn.sendall(HEAD + b"\r\n")
        for _ in range(1500):
            conn.sendall(chunk("x" * 10_000))
            sent += 1
        conn.sendall(DONE)
        conn.close()

    api.script = script
    with gateway.connect_http2(window=65_535) as client:
        idle = gateway.resident()
        stalled = client.send(chat("stalled"))
        while len(client.bodies.get(stalled, b"")) < 60_000:
            assert client.step()
        for _ in range(10):
            assert client.read(client.send(chat("quick"))).text == "hi"
        assert 0 < sent < 1500
        assert gateway.resident() - idle < 8 << 20
        client.h2.increment_flow_control_window(2**25, stalled)
        client.h2.increment_flow_control_window(2**25)
        client.flush()
        assert len(client.read(stalled).text) == 15_000_000


def test_a_stream_that_stalls_too_long_is_reset(api: Api, gateway: Gateway) -> None:
    gone = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(HEAD + b"\r\n")
        with contextlib.suppress(OSError):
            while True:
                conn.sendall(chunk("x" * 10_000))
        gone.set()

    api.script = script
    with gateway.connect_http2(window=1000) as client:
        stream = client.send()
        assert client.read(stream).end == "RST 8"
        assert gone.wait(2)
        client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 65_535})
        api.script = lambda conn, _: conn.sendall(sized(chunk("hi") + DONE))
        assert client.read(client.send()).text == "hi"


REQUEST = {":method": "GET", ":scheme": "http", ":authority": "g", ":path": "/health"}


@pytest.mark.parametrize(
    "head",
    [
        [*REQUEST.items(), ("Upper", "1")],
        [*REQUEST.items(), ("connection", "close")],
        [*REQUEST.items(), ("transfer-encoding", "chunked")],
        [*REQUEST.items(), ("te", "gzip")],
        [*REQUEST.items(), ("x", "a\r\nb: c")],
        [*REQUEST.items(), ("x", "a\0")],
        [*REQUEST.items(), (":path", "/")],
        [*REQUEST.items(), (":odd", "/")],
        [*REQUEST.items(), ("host", "a"), ("host", "b")],
        [("x", "1"), *REQUEST.items()],
        [*REQUEST.items()][:3],
        [*REQUEST.items(), ("content-length", "5")],
    ],
)
def test_a_malformed_head_resets_its_stream_only(
    gateway: Gateway, head: list[tuple[str, str]]
) -> None:
    with gateway.connect_http2() as client:
        end = head[-1] != ("content-length", "5")
        stream = client.send(head=head, method="GET", end=end)
        if not end:
            client.h2.send_data(stream, b"1234", end_stream=True)
            client.flush()
        assert client.read(stream).end == "RST 1"
        assert client.read(client.send(method="GET", path="/health")).status == 200


def test_a_large_request_passes_its_windows(api: Api, gateway: Gateway) -> None:
    with gateway.connect_http2() as client:
        content = "x" * 500_000
        body = {**CHAT, "messages": [{"role": "user", "content": content}]}
        assert client.read(client.send(body)).text == "hi"
    assert api.body()["messages"][0]["content"] == content


def test_a_body_above_the_limit(api: Api, start: Callable[..., Gateway]) -> None:
    gateway = start({"OPENAI_API_BASE": api.base}, "--max-body", "100000")
    with gateway.connect_http2() as client:
        stream = client.send(b"x" * 100_001, end=False)
        answer = client.read(stream)
        assert (answer.status, answer.end) == (413, "END_STREAM")
        stream = client.send(None, ("content-length", "100001"), end=False)
        assert client.read(stream).status == 413
        assert client.read(client.send()).text == "hi"
    assert len(api.requests) == 1


def test_more_streams_than_admitted_are_refused(api: Api, gateway: Gateway) -> None:
    hold = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        hold.wait(10)
        conn.sendall(sized(chunk("hi") + DONE))

    api.script = script
    with gateway.connect_http2() as client:
        streams = [client.send() for _ in range(105)]  # before the gateway's SETTINGS are read
        until(lambda: len(api.requests) == 100)
        hold.set()
        ends = [client.read(stream).end for stream in streams]
        assert ends.count("END_STREAM") == 100
        assert ends.count("RST 7") == 5


def test_bytes_that_are_not_http2(gateway: Gateway) -> None:
    with gateway.connect_http2() as client:
        client.sock.sendall(b"\0\0\x01\x06\0\0\0\0\0x")  # a PING of one byte
        while client.step():
            pass
        assert client.goaway is not None


def test_a_client_that_sends_pings_and_never_reads(gateway: Gateway) -> None:
    client = gateway.connect_http2()
    ping = b"\0\0\x08\x06\0\0\0\0\0" + b"12345678"
    idle = gateway.resident()
    with contextlib.suppress(OSError):
        for _ in range(2000):
            client.sock.sendall(ping * 1000)
    assert gateway.resident() - idle < 16 << 20
    client.sock.close()
    assert gateway.ask().text == "hi"
