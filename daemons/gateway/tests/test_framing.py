"""Requests that two readers could read differently: refused, and never split."""

from __future__ import annotations

import json

import pytest
from clients import CHAT, post
from conftest import Gateway
from llm_gateway import request_head
from llm_gateway.errors import BadRequest, HeadTooLarge
from scripted_api import Api

BODY = json.dumps(CHAT).encode()
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: g\r\n"
SIZE = b"Content-Length: %d\r\n" % len(BODY)
TE = b"Transfer-Encoding: chunked\r\n"

AMBIGUOUS = {
    "length and coding": LINE + HOST + SIZE + TE + b"\r\n" + CHUNKED,
    "coding and length": LINE + HOST + TE + b"Content-Length: 4\r\n\r\n" + CHUNKED,
    "two lengths": LINE + HOST + SIZE + b"Content-Length: 4\r\n\r\n" + BODY,
    "a length twice": LINE + HOST + SIZE + SIZE + b"\r\n" + BODY,
    "a list of lengths": LINE + HOST + b"Content-Length: 4, 4\r\n\r\n" + BODY,
    "a signed length": LINE + HOST + SIZE.replace(b": ", b": +") + b"\r\n" + BODY,
    "a length in hex": LINE + HOST + b"Content-Length: 0x4\r\n\r\n" + BODY,
    "an endless length": LINE + HOST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n" + BODY,
    "two codings": LINE + HOST + TE + b"Transfer-Encoding: identity\r\n\r\n" + CHUNKED,
    "an unknown coding": LINE + HOST + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED,
    "gzip, chunked": LINE + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKED,
    "a vertical tab": LINE + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKED,
    "a blank before the colon": LINE + HOST + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKED,
    "a folded line": LINE + HOST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKED,
    "a bare LF": LINE + HOST + b"X: y\n" + TE + b"\r\n" + CHUNKED,
    "only LF": (LINE + HOST + SIZE).replace(b"\r\n", b"\n") + b"\n" + BODY,
    "a bare CR": LINE + HOST + b"X: y\rZ: a\r\n" + SIZE + b"\r\n" + BODY,
    "a NUL": LINE + HOST + b"X: \0\r\n" + SIZE + b"\r\n" + BODY,
    "no host": LINE + SIZE + b"\r\n" + BODY,
    "two hosts": LINE + HOST + HOST + SIZE + b"\r\n" + BODY,
    "two authorizations": LINE + HOST + b"Authorization: Bearer a\r\n" * 2 + SIZE + b"\r\n" + BODY,
    "coding in HTTP/1.0": LINE.replace(b"1.1", b"1.0") + HOST + TE + b"\r\n" + CHUNKED,
    "HTTP/2.0": LINE.replace(b"1.1", b"2.0") + HOST + SIZE + b"\r\n" + BODY,
    "two blanks": LINE.replace(b" HTTP", b"  HTTP") + HOST + SIZE + b"\r\n" + BODY,
    "a bad chunk size": LINE + HOST + TE + b"\r\n" + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a huge chunk size": LINE + HOST + TE + b"\r\n" + b"10000000000000001\r\nx\r\n0\r\n\r\n",
    "a chunk without CRLF": LINE + HOST + TE + b"\r\n" + b"1\r\n{x0\r\n\r\n",
    "a chunk line with LF": LINE + HOST + TE + b"\r\n" + CHUNKED.replace(b"\r\n", b"\n"),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_an_ambiguous_request_is_refused_and_the_connection_closed(
    api: Api, gateway: Gateway, name: str
) -> None:
    with gateway.connect() as client:
        answer = client.ask(AMBIGUOUS[name] + post())
        assert answer.status == 400
        assert answer.headers["connection"] == "close"
        assert answer.error["type"] == "invalid_request_error"
        assert client.at_eof()
    assert not api.requests


def test_a_head_without_end(gateway: Gateway) -> None:
    with gateway.connect() as client:
        client.send(LINE + HOST + b"X: " + b"x" * 70_000)
        answer = client.read()
        assert (answer.status, answer.error["code"]) == (431, "head_too_large")
        assert client.at_eof()


def test_a_large_head_is_served(gateway: Gateway) -> None:
    assert gateway.ask(post(None, "X: " + "x" * 60_000)).text == "hi"


def test_heads_come_out_one_by_one() -> None:
    buffer = bytearray(b"\r\n\r\nGET /a HTTP/1.1\r\nHost: g\r\n\r\nGET /b")
    assert request_head.cut_head(buffer) == b"GET /a HTTP/1.1\r\nHost: g"
    assert request_head.cut_head(buffer) is None
    assert buffer == b"GET /b"
    with pytest.raises(HeadTooLarge):
        request_head.cut_head(bytearray(b"x" * request_head.MAX_HEAD))
    with pytest.raises(BadRequest):
        request_head.cut_head(bytearray(b"GET / HTTP/1.1\n"))


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/v1/models?key=sk-1", "/v1/models"),
        ("http://g/v1/models?x", "/v1/models"),
        ("HTTPS://g", "/"),
        ("*", "*"),
    ],
)
def test_targets(target: str, path: str) -> None:
    head = request_head.parse(f"GET {target} HTTP/1.1\r\nHost: g".encode())
    assert (head.method, head.path) == ("GET", path)


def test_fields_of_one_name_are_joined() -> None:
    head = request_head.parse(b"GET / HTTP/1.1\r\nHost: g\r\nX-A:  1\t\r\nx-a: 2\r\nX-B:")
    assert head.headers == {"host": "g", "x-a": "1, 2", "x-b": ""}


def test_persistence() -> None:
    for version, option, persistent in [
        ("1.1", "keep-alive", True),
        ("1.1", "x, Close", False),
        ("1.0", "keep-alive", False),
    ]:
        data = f"GET / HTTP/{version}\r\nHost: g\r\nConnection: {option}"
        assert request_head.parse(data.encode()).persistent is persistent
