"""What reaches the API and the client: errors, keys, fields, models."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clients import CHAT, get, post
from conftest import Gateway
from scripted_api import DONE, HEAD, KEY, Api, Script, chunk, sized


def replies(status: bytes, value: Any, *fields: bytes) -> Script:
    """A script: one JSON response."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    lines = (b"HTTP/1.1 " + status, b"Content-Type: application/json", *fields)
    head = b"\r\n".join((*lines, b"Content-Length: %d" % len(body), b"", b""))
    return lambda conn, _: conn.sendall(head + body)


def error(**fields: Any) -> dict[str, Any]:
    return {"error": {"message": f"no: {KEY}", "type": "t", "code": "c", **fields}}


@pytest.mark.parametrize(
    ("script", "status", "message"),
    [
        (replies(b"400 Bad", error()), 400, "no: [redacted]"),
        (replies(b"401 No", error()), 401, "no: [redacted]"),
        (replies(b"404 No", error()), 404, "no: [redacted]"),
        (replies(b"429 Slow", error()), 429, "no: [redacted]"),
        (replies(b"500 Oops", error()), 500, "no: [redacted]"),
        (replies(b"503 Later", error()), 503, "no: [redacted]"),
        (replies(b"529 Full", b"<html>"), 529, "the API answered with status 529"),
        (replies(b"422 Odd", {"detail": "which field"}), 422, "which field"),
        (replies(b"307 Go", b"", b"Location: http://127.0.0.1:1/"), 502, None),
        (replies(b"200 OK", error()), 502, "no: [redacted]"),
        (replies(b"200 OK", {"choices": []}), 502, None),
        (lambda conn, _: conn.sendall(HEAD + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b"), 502, None),
        (lambda conn, _: conn.sendall(b"junk\r\n\r\n"), 502, None),
        (lambda conn, _: (conn.sendall(b"HTTP"), conn.close()), 502, None),
        (lambda conn, _: None, 504, None),
    ],
)
def test_failures_before_the_head(
    api: Api, gateway: Gateway, script: Script, status: int, message: str | None
) -> None:
    api.script = script
    answer = gateway.ask()
    assert answer.status == status
    assert set(answer.error) == {"message", "type", "param", "code"}
    assert message in (None, answer.error["message"])
    assert b"html" not in answer.body
    assert len(api.requests) == 1


@pytest.mark.parametrize("status", [b"429 Slow", b"503 Later"])
def test_retry_after_is_kept(api: Api, gateway: Gateway, status: bytes) -> None:
    api.script = replies(status, error(), b"Retry-After: 30")
    assert gateway.ask().headers["retry-after"] == "30"


def test_an_api_that_cannot_be_reached(start: Callable[..., Gateway]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = start({"OPENAI_API_BASE": f"http://127.0.0.1:{port}"}).ask()
    assert (answer.status, answer.error["code"]) == (502, "upstream_unreachable")
    assert str(port) not in answer.error["message"]


def test_errors_do_not_contain_the_apis_address(api: Api, gateway: Gateway) -> None:
    place = api.base.removeprefix("http://").removesuffix("/v1")
    api.script = replies(b"404 No", error(message=f"nothing at http://{place}/v1/x"))
    assert gateway.ask().error["message"] == "nothing at http://[redacted]/v1/x"


@pytest.mark.parametrize(
    "stream",
    [
        chunk("a", finish="stop") + b'data: {"error":{"message":"boom"},"choices":[]}\n\n' + DONE,
        chunk("a", finish="stop") + b'error: {"message":"boom"}\n\n' + DONE,
        chunk("a") + b"event: error\n\n" + DONE,
        chunk("a") + b"data: nonsense\n\n" + DONE,
        chunk("a") + b'data: {"choices":[{"delta":{"content":5}}]}\n\n' + DONE,
        chunk("a", finish=""),
        chunk("a"),
    ],
)
def test_failures_within_the_stream(api: Api, gateway: Gateway, stream: bytes) -> None:
    api.script = lambda conn, _: conn.sendall(sized(stream))
    with gateway.connect() as client:
        answer = client.ask(post())
        assert answer.status == 200
        assert answer.error["message"]
        assert b"[DONE]" not in answer.body
        assert len(answer.events) == 2
        api.script = lambda conn, _: conn.sendall(sized(chunk("again") + DONE))
        assert client.ask(post()).text == "again"
    assert len(api.requests) == 2


def test_chunks_keep_every_byte(api: Api, gateway: Gateway) -> None:
    raw = rb'{"n":1.50,"big":12345678901234567890,"choices":[],"s":"\ud83d\u0041"}'
    odd = b": ping\n\ndata:\n\ndata: " + raw + b"\n\nevent: ping\ndata: 1\n\n"
    api.script = lambda conn, _: conn.sendall(sized(odd + DONE))
    assert gateway.ask().events == [raw, b"[DONE]"]


def test_the_request_keeps_every_digit(api: Api, gateway: Gateway) -> None:
    fields = b'"seed":12345678901234567890,"temperature":1.00,"stop":null,"x":{"a":[1e2,"\\ud83d"]}'
    body = b'{"model":"m" , "messages":[{"role":"user","content":"\\u0041"}],"stream":true,%s}'
    gateway.ask(post(body % fields, "X-Test-Pattern: p;t=1", "X-Other: 1", "Cookie: a=b"))
    head, _, sent = api.requests[0].partition(b"\r\n\r\n")
    assert fields in sent
    assert b'"messages":[{"role":"user","content":"\\u0041"}]' in sent
    assert b"x-test-pattern: p;t=1\r\n" in head.lower() + b"\r\n"
    assert b"other" not in head.lower()
    assert b"cookie" not in head.lower()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff", None),
        (b"[]", None),
        (b'"x"', None),
        (b"null", None),
        (b'{"a":NaN}', None),
        (b"[" * 100_000, None),
        ({}, "messages"),
        ({**CHAT, "messages": None}, "messages"),
        ({**CHAT, "messages": []}, "messages"),
        ({**CHAT, "messages": "hi"}, "messages"),
        ({**CHAT, "messages": {"role": "user"}}, "messages"),
        ({**CHAT, "messages": ["hi"]}, "messages[0]"),
        ({**CHAT, "messages": [{"content": "hi"}]}, "messages[0].role"),
        ({**CHAT, "messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({**CHAT, "model": 5}, "model"),
        ({**CHAT, "stream": "true"}, "stream"),
        ({**CHAT, "max_tokens": "5"}, "max_tokens"),
        ({**CHAT, "max_tokens": 1.5}, "max_tokens"),
        ({**CHAT, "temperature": "hot"}, "temperature"),
        ({**CHAT, "temperature": True}, "temperature"),
        ({**CHAT, "tools": {}}, "tools"),
        ({**CHAT, "stop": [5]}, "stop"),
        ({**CHAT, "stream_options": []}, "stream_options"),
    ],
)
def test_a_body_that_is_not_a_request(
    api: Api, gateway: Gateway, body: Any, param: str | None
) -> None:
    answer = gateway.ask(post(body))
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["param"] == param
    assert not api.requests


def test_other_requests_that_are_refused(api: Api, gateway: Gateway) -> None:
    assert gateway.ask(post(path="/v1/nothing")).status == 404
    answer = gateway.ask(get("/v1/chat/completions"))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert gateway.ask(post(None, "Content-Encoding: gzip")).status == 415
    assert gateway.ask(post(None, "Authorization: Basic YTpi")).status == 401
    assert not api.requests


def test_an_answer_that_is_not_a_stream(api: Api, gateway: Gateway) -> None:
    body = {key: value for key, value in CHAT.items() if key != "stream"}
    raw = b'{"choices":[{"message":{"content":"hi"}}],"created":12345678901234567890}'
    api.script = replies(b"200 OK", raw)
    for asked in (body, {**body, "stream": False}):
        answer = gateway.ask(post(asked))
        assert (answer.status, answer.body, answer.end) == (200, raw, "length")
        assert b"stream" not in api.requests[-1] or b'"stream":false' in api.requests[-1]
    cut = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    for script in (
        lambda conn, _: (conn.sendall(cut), conn.close()),
        replies(b"200 OK", b"[]"),
        replies(b"200 OK", error()),
        lambda conn, _: conn.sendall(sized(chunk("hi") + DONE)),
    ):
        api.script = script
        assert gateway.ask(post(body)).status == 502


def test_the_own_key_stays_here_and_the_clients_as_well(api: Api, gateway: Gateway) -> None:
    api.script = replies(b"401 No", error(message=f"bad key {KEY}, not sk-client"))
    answer = gateway.ask(post(None, "Authorization: Bearer sk-client", "X-Api-Key: sk-client"))
    assert answer.error["message"] == "bad key [redacted], not [redacted]"
    assert b"sk-client" not in api.requests[0]
    assert f"Bearer {KEY}".encode() in api.requests[0]
    assert "sk-client" not in gateway.log.read_text()


def test_the_clients_key_is_passed_on(api: Api, start: Callable[..., Gateway]) -> None:
    gateway = start({"OPENAI_API_BASE": api.base, "OPENAI_API_KEY": ""}, "--key", "pass")
    assert gateway.ask(post(None, "Authorization: Bearer sk-client")).text == "hi"
    assert b"authorization: Bearer sk-client\r\n" in api.requests[0]
    gateway.ask()
    assert b"authorization" not in api.requests[1].lower()


def test_client_keys_are_checked(api: Api, start: Callable[..., Gateway]) -> None:
    env = {"OPENAI_API_BASE": api.base, "GATEWAY_CLIENT_KEYS": "sk-one, sk-two"}
    gateway = start(env)
    for fields in ((), ("Authorization: Bearer sk-on",), ("Authorization: Bearer ",)):
        answer = gateway.ask(post(None, *fields))
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert not api.requests
    assert gateway.ask(post(None, "Authorization: bearer sk-two")).text == "hi"
    assert gateway.ask(get("/health")).status == 200


def test_usage_that_the_gateway_asked_for_stays_here(
    api: Api, start: Callable[..., Gateway]
) -> None:
    gateway = start({"OPENAI_API_BASE": api.base}, "--usage")
    delta = b'{"n":1.50,"choices":[{"index":0,"delta":{"content":"a"}}]%s}'
    usage = b'{"choices":[],"usage":{"total_tokens":7}}'
    stream = b"data: " + delta % b',"usage":null' + b"\n\ndata: " + usage + b"\n\n" + DONE
    api.script = lambda conn, _: conn.sendall(sized(stream))
    assert gateway.ask().events == [delta % b"", b"[DONE]"]
    assert api.body()["stream_options"] == {"include_usage": True}
    assert "usage: 7 tokens" in gateway.log.read_text()
    wanted = {**CHAT, "stream_options": {"include_usage": True}}
    assert gateway.ask(post(wanted)).events == [delta % b',"usage":null', usage, b"[DONE]"]
    gateway.ask(post({**CHAT, "stream_options": {"x": 1, "include_usage": False}}))
    assert api.body()["stream_options"] == {"x": 1, "include_usage": True}


@pytest.fixture
def second() -> Api:
    return Api()


def test_models_choose_the_api(
    api: Api, second: Api, start: Callable[..., Gateway], tmp_path: Path
) -> None:
    config = tmp_path / "apis.toml"
    config.write_text(
        f'[[api]]\nbase = "{api.base}"\nkey_variable = "FIRST"\nmodels = ["gpt-*", "o1"]\n'
        f'[[api]]\nbase = "{second.base}"\nkey = "sk-second"\nmodels = ["llama"]\n'
    )
    gateway = start({"FIRST": "sk-first"}, "--config", str(config))
    second.script = lambda conn, _: conn.sendall(sized(chunk("second") + DONE))
    for model, text in (("gpt-4o", "hi"), ("o1", "hi"), ("llama", "second")):
        assert gateway.ask(post({**CHAT, "model": model})).text == text
    assert all(b"Bearer sk-first\r\n" in request for request in api.requests)
    assert b"Bearer sk-second\r\n" in second.requests[0]
    answer = gateway.ask(post({**CHAT, "model": "llama-2"}))
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    api.script = replies(b"200 OK", {"data": [{"id": "gpt-4o", "n": 1}, {"id": "hidden"}]})
    second.script = replies(b"200 OK", b'{"data":[{"id":"llama","n":1.50}]}')
    raw = b'{"object":"list","data":[{"id": "gpt-4o", "n": 1},{"id":"llama","n":1.50}]}'
    assert gateway.ask(get("/v1/models")).body == raw
    second.script = replies(b"500 Oops", error())
    assert [model["id"] for model in gateway.ask(get("/v1/models")).json["data"]] == ["gpt-4o"]
    api.script = replies(b"200 OK", {"data": 5})
    assert gateway.ask(get("/v1/models")).status == 502
