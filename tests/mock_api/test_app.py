"""What is around the answers: models, pages of other origins, compressed bodies, errors."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest

from mock_api.language.failures import FAILURES
from mock_api.language.patterns import MODIFIERS, PATTERNS
from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.mock import Mock, chat
from tests.mock_api.clients.raw_http import post

CHAT = "/v1/chat/completions"


def test_a_model_can_be_looked_up(start_mock: Callable[..., Mock]) -> None:
    mock = start_mock("--model", "small", "--model", "large", "--strict")
    client = H1Client(mock.connect())
    assert client.exchange("GET", "/v1/models/small").json()["id"] == "small"
    listed = client.exchange("GET", "/v1/models").json()["data"]
    assert [model["id"] for model in listed] == ["small", "large"]
    for response in (
        client.exchange("GET", "/v1/models/medium"),
        client.exchange("POST", CHAT, chat(model="medium")),
    ):
        assert response.status == 404
        assert response.json()["error"]["code"] == "model_not_found"
        assert "small, large" in response.json()["error"]["message"]


def test_a_page_of_another_origin_can_use_it(h1: H1Client) -> None:
    page = ("origin", "http://example.com")
    asked = [page, ("access-control-request-method", "POST")]
    asked.append(("access-control-request-headers", "authorization,x-stainless-os"))
    first = h1.exchange("OPTIONS", CHAT, headers=asked)
    assert first.status == 204
    assert first.body == b""
    assert "transfer-encoding" not in first.headers
    assert first.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
    for pattern in ("short", "status:429", "nonsense"):
        answer = h1.chat(chat(), [page, ("x-test-pattern", pattern)])
        assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in h1.chat(chat()).headers
    assert h1.exchange("OPTIONS", CHAT).headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_request_is_read(mock: Mock, coding: str, compress: object) -> None:
    assert callable(compress)
    body = compress(chat(prompt="[[test:short]]", stream=False))
    response = post(mock, CHAT, body, ("content-encoding", coding))
    assert response.headers["x-test-pattern-applied"] == "short"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"{}")[:-5]),
        ("br", b"\x8b\x00"),
        ("gzip", gzip.compress(b" " * 17 * 1024 * 1024)),
        ("gzip", b"\x1f\x8b"),
    ],
    ids=["cut off", "unknown", "too large", "only begun"],
)
def test_a_wrongly_compressed_request_is_refused(mock: Mock, coding: str, body: bytes) -> None:
    response = post(mock, CHAT, body, ("content-encoding", coding))
    assert response.status == 400
    assert coding in response.json()["error"]["message"]


@pytest.mark.parametrize("header", ["x-api-key", "api-key"])
def test_keys_of_other_apis_are_known(mock: Mock, token: str, header: str) -> None:
    mock.control("PUT", "/keys/other", {"key": "sk-other"})
    response = post(
        mock, CHAT, chat(), (header, "sk-other"), ("x-test-pattern", f";t={token}{header}")
    )
    assert response.status == 200
    entry = mock.wait(f"{token}{header}")
    assert entry["key"] == "other"
    assert [header, "(withheld)"] in entry["headers"]
    mock.control("DELETE", "/keys/other")


def test_a_gate_below_one_is_refused(mock: Mock) -> None:
    for number in (0, -1):
        refused = mock.control("POST", "/gates/x", {"open": number})
        assert refused.status == 400
        assert "from 1" in refused.json()["error"]["message"]


def test_the_page_for_a_person(h1: H1Client) -> None:
    page = h1.exchange("GET", "/")
    assert page.headers["content-type"].startswith("text/html")
    text = page.body.decode()
    for line in (*PATTERNS, *FAILURES, *MODIFIERS):
        assert f"<code>{line.name or '(none)'}</code>" in text


def test_the_control_api_is_not_for_other_origins(h1: H1Client) -> None:
    page = ("origin", "http://example.com")
    asked = [page, ("access-control-request-method", "GET")]
    for method in ("GET", "OPTIONS"):
        answer = h1.exchange(method, "/_control/journal", headers=asked)
        assert "access-control-allow-origin" not in answer.headers
