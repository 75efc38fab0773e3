"""REST answers and exceptions, as code that was written for `requests` uses them."""

from __future__ import annotations

import copy
import json
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
import requests

from conformance.ws import (
    RestAnswer,
    RestConnectionError,
    RestError,
    RestRequest,
    RestStatusError,
    RestTimeout,
    RestTLSError,
    RestURLError,
    WSTest,
    WSTimeoutError,
)
from tests.conformance.ws.servers import (
    Api,
    Authority,
    Serve,
    failing,
    play,
    serving_api,
    stay,
)


@pytest.fixture
def without_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every import of `requests` fail, as where it is not installed."""
    monkeypatch.setitem(sys.modules, "requests.exceptions", None)


def get(api: Api, path: str = "/") -> RestAnswer:
    return RestRequest(f"{api.url}{path}", "GET").send(20)


def test_an_answer_has_the_attributes_of_requests(api: Api) -> None:
    """The same request through both libraries gives the same values."""
    api.answer = (200, '{"id": 7}\nsecond — line'.encode())
    api.moved["/old"] = "/new"
    ours, theirs = get(api, "/old?a=1"), requests.get(f"{api.url}/old?a=1", timeout=20)
    for name in ("ok", "status_code", "reason", "url", "content", "is_redirect"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.headers["content-length"] == theirs.headers["content-length"]
    assert list(ours.iter_lines()) == list(theirs.iter_lines())
    assert list(ours.iter_content(5)) == list(theirs.iter_content(5))
    assert list(ours.iter_content()) == list(theirs.iter_content())
    assert list(ours.iter_content(None)) == [theirs.content]
    assert [each.status_code for each in ours.history] == [
        each.status_code for each in theirs.history
    ]
    assert ours.elapsed.total_seconds() > 0
    assert ours.text == '{"id": 7}\nsecond — line'
    assert ours.http_version == "HTTP/1.0", "httpx's own attributes are there too"
    assert not hasattr(ours, "absent")


@pytest.mark.parametrize("status", [200, 204, 399, 400, 404, 500, 599])
def test_an_answer_is_ok_below_400(api: Api, status: int) -> None:
    api.answer = (status, b"")
    ours, theirs = get(api), requests.get(api.url, timeout=20)
    assert (ours.ok, bool(ours)) == (theirs.ok, bool(theirs)) == (status < 400, status < 400)


def test_json_is_parsed(api: Api) -> None:
    api.answer = (200, b'{"id": 7.5}')
    assert get(api).json() == {"id": 7.5}
    assert get(api).json(parse_float=str) == {"id": "7.5"}


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b""])
def test_an_answer_without_json_raises_what_requests_raises(api: Api, body: bytes) -> None:
    api.answer = (200, body)
    with pytest.raises(
        requests.exceptions.JSONDecodeError, match=r"expected JSON, found \""
    ) as error:
        get(api).json()
    assert isinstance(error.value, ValueError)


@pytest.mark.usefixtures("without_requests")
def test_an_answer_without_json_raises_a_decode_error_of_json(api: Api) -> None:
    api.answer = (200, b"<html>")
    with pytest.raises(json.JSONDecodeError, match=f'found "<html>" .GET {api.url}/?.; read .text'):
        get(api).json()


@pytest.mark.parametrize(
    ("status", "words"), [(404, "404 Client Error"), (503, "503 Server Error")]
)
def test_a_status_raises_what_requests_raises(api: Api, status: int, words: str) -> None:
    api.answer = (status, b"sorry")
    answer = get(api)
    for kind in (requests.HTTPError, requests.RequestException, RestStatusError, OSError):
        with pytest.raises(kind, match=words) as caught:
            answer.raise_for_status()
    assert caught.value.response is answer
    assert caught.value.request.method == "GET"
    assert str(caught.value).startswith(f"expected a status below 400, found {status} ")
    assert str(caught.value).endswith("expect this status with .expect_status")
    assert '(body "sorry")' in str(caught.value)


def test_a_good_status_raises_nothing(api: Api) -> None:
    assert get(api).raise_for_status() is None


def free_port() -> int:
    with socket.socket() as unserved:
        unserved.bind(("127.0.0.1", 0))
        return int(unserved.getsockname()[1])


def refused() -> RestRequest:
    return RestRequest(f"http://127.0.0.1:{free_port()}/", "GET")


FAILURES: list[tuple[Callable[[], RestRequest], type[RestError], type[Exception], str]] = [
    (refused, RestConnectionError, requests.ConnectionError, "expected an answer, found "),
    (
        lambda: RestRequest("localhost/x", "GET"),
        RestURLError,
        requests.exceptions.MissingSchema,
        "expected a valid http:// or https:// URL, found ",
    ),
    (
        lambda: RestRequest("ftp://localhost/x", "GET"),
        RestURLError,
        requests.exceptions.InvalidSchema,
        "expected a valid http:// or https:// URL, found ",
    ),
    (
        lambda: RestRequest("http://localhost:port/", "GET"),
        RestURLError,
        requests.exceptions.InvalidURL,
        "expected a valid http:// or https:// URL, found ",
    ),
]


@pytest.mark.parametrize(("request_", "ours", "theirs", "words"), FAILURES)
def test_a_failure_is_caught_by_both_libraries(
    serve: Serve,
    request_: Callable[[], RestRequest],
    ours: type[RestError],
    theirs: type[Exception],
    words: str,
) -> None:
    request = request_()
    with pytest.raises(theirs) as caught:
        requests.request("get", request.uri, timeout=20)
    for kind in (theirs, requests.RequestException, ours, RestError, OSError):
        with pytest.raises(kind, match=words):
            request.send(20)
        error = failing(WSTest(serve(stay)).with_request(request), kind)
    assert isinstance(caught.value, theirs)
    assert f"(GET {request.uri}); " in str(error)
    assert error.__cause__ is not None
    assert type(error).__name__ == ours.__name__


@pytest.mark.usefixtures("without_requests")
@pytest.mark.parametrize(("request_", "ours", "theirs", "words"), FAILURES)
def test_a_failure_does_not_need_requests(
    request_: Callable[[], RestRequest], ours: type[RestError], theirs: type[Exception], words: str
) -> None:
    with pytest.raises(ours, match=words) as caught:
        request_().send(20)
    assert not isinstance(caught.value, theirs)


def test_too_many_redirections(api: Api) -> None:
    api.moved["/"] = "/"
    with pytest.raises(requests.TooManyRedirects):
        get(api)


def test_a_timeout_outside_a_test(api: Api) -> None:
    api.gate.clear()
    for kind in (requests.ReadTimeout, requests.Timeout, RestTimeout, TimeoutError):
        with pytest.raises(kind, match="expected an answer in time, found ReadTimeout"):
            RestRequest(api.url, "GET").send(0.05)


def test_a_timeout_inside_a_test_is_that_of_the_test(serve: Serve, api: Api) -> None:
    api.gate.clear()
    test = WSTest(serve(stay)).with_request(RestRequest(api.url, "GET")).with_request_timeout(0.05)
    assert type(failing(test, WSTimeoutError)) is WSTimeoutError


def test_an_unknown_authority(authority: Authority) -> None:
    with serving_api(authority.server()) as api:
        for kind in (requests.exceptions.SSLError, requests.ConnectionError, RestTLSError):
            with pytest.raises(kind, match=r"with_trusted_certificate\(\"ca.pem\"\)"):
                get(api)


def test_answers_of_a_test_are_such_answers(serve: Serve, api: Api) -> None:
    api.answer = (404, b'{"error": "nowhere"}')
    test = play(WSTest(serve(stay)).with_request(RestRequest(api.url, "GET")))
    (answer,) = test.received_request_responses
    details: dict[str, Any] = answer.json()
    assert (answer.ok, answer.status_code, details) == (False, 404, {"error": "nowhere"})
    with pytest.raises(requests.HTTPError):
        answer.raise_for_status()
    assert repr(answer) == "<RestAnswer [404]>"
    assert copy.copy(answer).text == answer.text
