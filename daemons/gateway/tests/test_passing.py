"""Class `bytes`: everything passes as it is, and a truncated body breaks the message."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from clients import CHAT, get, post
from conftest import Gateway
from scripted_api import DONE, HEAD, Api, chunk, sized

STREAM = b": ping\r\n\r\ndata:  x\n\n" + chunk("a") + DONE + b"junk"


@pytest.fixture
def gateway(api: Api, start: Callable[..., Gateway]) -> Gateway:
    env = {"OPENAI_API_BASE": api.base, "OPENAI_API_KEY": ""}
    return start(env, "--relay", "bytes", "--key", "pass", "--idle-timeout", "1")


def test_bodies_and_fields_pass(api: Api, gateway: Gateway) -> None:
    fields = (
        b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Odd: \xe9\r\nConnection: x-hop\r\nX-Hop: 1\r\n"
    )
    api.script = lambda conn, _: conn.sendall(
        sized(STREAM).replace(b"\r\nContent-Length", b"\r\n" + fields + b"Content-Length", 1)
    )
    body = b'{"model" : "m", "nonsense'
    with gateway.connect() as client:
        client.send(post(body, "Authorization: Bearer sk-client", "Accept-Encoding: gzip"))
        head = client.until(b"\r\n\r\n")
        assert client.exactly(len(STREAM)) == STREAM
        assert head.count(b"set-cookie: ") == 2
        assert b"x-odd: \xe9\r\n" in head
        assert b"x-hop" not in head
        request = api.requests[0]
        api.reset()
        assert client.ask(post()).text == "hi"
    assert request.endswith(body)
    assert b"Bearer sk-client\r\n" in request
    assert b"accept-encoding: gzip\r\n" in request


def test_statuses_and_other_paths_pass(api: Api, gateway: Gateway) -> None:
    response = b"HTTP/1.1 418 Odd\r\nContent-Type: text/html\r\nRetry-After: 9\r\n"
    response += b"Content-Encoding: gzip\r\nContent-Length: 6\r\n\r\n<html>"
    api.script = lambda conn, _: conn.sendall(response)
    answer = gateway.ask(get("/v1/models"))
    assert (answer.status, answer.body, answer.end) == (418, b"<html>", "length")
    assert answer.headers["retry-after"] == "9"
    assert answer.headers["content-encoding"] == "gzip"
    assert api.requests[0].startswith(b"GET /v1/models HTTP/1.1\r\n")
    api.script = lambda conn, _: conn.sendall(b"HTTP/1.1 204 Nothing\r\n\r\n")
    with gateway.connect() as client:
        client.send(post(path="/v1/x"))
        head = client.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 204 ")
        assert b"content-length" not in head
        assert b"transfer-encoding" not in head
        assert client.ask(get("/health")).status == 200


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"


@pytest.mark.parametrize(
    "response", [HEAD + b"Content-Length: 99\r\n\r\na", CHUNKED, CHUNKED + b"junk\r\n"]
)
def test_a_truncated_body_breaks_the_message(api: Api, gateway: Gateway, response: bytes) -> None:
    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(response)
        conn.close()

    api.script = script
    answer = gateway.ask()
    assert (answer.status, answer.end) == (200, "cut")
    with gateway.connect_http2() as client:
        answer = client.read(client.send())
        assert (answer.body, answer.end) == (b"a", "RST 2")


def test_a_silent_api_breaks_the_message(api: Api, gateway: Gateway) -> None:
    api.script = lambda conn, _: conn.sendall(CHUNKED)
    assert gateway.ask().end == "cut"


def test_the_gateways_own_errors(api: Api, gateway: Gateway) -> None:
    api.script = lambda conn, _: (conn.sendall(b"HTTP"), conn.close())
    answer = gateway.ask()
    assert (answer.status, answer.error["code"]) == (502, "upstream_broken")
    assert gateway.ask(get("/health")).status == 200
    assert gateway.ask(post({**CHAT}, path="/elsewhere")).status == 404
