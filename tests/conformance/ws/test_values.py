"""WSResponse, WSMessage and RestRequest as values: matching, resolving, text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.ws import RestRequest, WSMessage, WSResponse

BODY = {"type": "new_request", "body": {"id": 5, "list": [{"a": 1}, {"a": 2}], "ok": True}}


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"type": "new_request"},
        {"type": None, "body/id": 5},
        {"body/list/0/a": 1},
        {"/body/list//a": 2},
        {"body/list/-1/a": 2, "body/ok": 1},
        {"type/too/long": "new_request"},
    ],
)
def test_every_attribute_must_be_found(attributes: dict[str, Any]) -> None:
    response = WSResponse()
    for path, value in attributes.items():
        response.with_attribute(path, value)
    assert response.attributes == attributes
    assert response.is_match(BODY)
    assert not response.with_attribute("body/absent").is_match(BODY)


@pytest.mark.parametrize(
    "attributes", [{"type": "other"}, {"body/id": "5"}, {"body/list//a": 3}, {"body/list/2/a": 1}]
)
def test_one_attribute_that_differs_is_no_match(attributes: dict[str, Any]) -> None:
    response = WSResponse().with_attribute("type", "new_request")
    for path, value in attributes.items():
        response.with_attribute(path, value)
    assert not response.is_match(BODY)


def test_strict_paths() -> None:
    response = WSResponse().with_attribute("type/too/long")
    assert response.is_match(BODY)
    assert not response.with_strict_paths().is_match(BODY)


def test_a_whole_document_is_expected() -> None:
    assert WSResponse().with_json([1, 2]).is_match([1, 2])
    assert not WSResponse().with_json([1, 2]).is_match([1])


def test_a_capture_expects_a_value() -> None:
    assert WSResponse().with_capture("id", "body/id").is_match(BODY)
    assert not WSResponse().with_capture("id", "id").is_match(BODY)


def test_the_text_of_responses_and_messages_is_their_json() -> None:
    response = WSResponse().with_attribute("type", "é").with_attribute("body")
    assert str(response) == '{"type": "\\u00e9", "body": null}' == json.dumps(response.attributes)
    message = WSMessage().with_attribute("b", 1).with_attribute("a", [True])
    assert str(message) == '{"b": 1, "a": [true]}' == message.wire


def test_the_text_of_repetitions() -> None:
    chunk, end = WSResponse().with_attribute("c"), WSResponse().with_text("end")
    assert str(chunk.times(3)) == '{"c": null}, 3 times'
    assert str(chunk.until(end)) == '{"c": null}, 3 times, until text "end"'


def test_a_resolved_message_is_a_copy() -> None:
    message = WSMessage().with_attribute("id", "${body/id}").with_delay(2)
    first, second = message.resolve(BODY), message.resolve({"body": {"id": "x"}})
    assert (str(first), str(second)) == ('{"id": 5}', '{"id": "x"}')
    assert message.attributes == {"id": "${body/id}"}
    assert first.delay == 2


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("${body/id}", 5),
        ("${body/list}", [{"a": 1}, {"a": 2}]),
        ("${/body/list//a}", 1),
        ("${absent}", "${absent}"),
        ("id ${body/id} of ${type}", "id 5 of new_request"),
        ("${body/ok}, ${absent}", "true, ${absent}"),
        ({"deep": ["${body/id}", {"x": "<${type}>"}]}, {"deep": [5, {"x": "<new_request>"}]}),
        ("${$session}", "s-1"),
        ("${$user/name}", "Rob"),
        ("/session continue ${$session}", "/session continue s-1"),
        ("${$unknown}", "${$unknown}"),
        ("${$session/below}", "${$session/below}"),
        ("$type {type} ${}", "$type {type} ${}"),
        (None, None),
    ],
)
def test_references(value: Any, resolved: Any) -> None:
    variables = {"session": "s-1", "user": {"name": "Rob"}}
    message = WSMessage().with_attribute("v", value).resolve(BODY, variables=variables)
    assert message.attributes["v"] == resolved
    whole = WSMessage().with_json(value).resolve(BODY, variables=variables)
    assert whole.wire == json.dumps(resolved)


def test_raw_text_and_bytes_are_sent_as_they_are() -> None:
    assert WSMessage().with_text("${type}").resolve(BODY).wire == "${type}"
    assert WSMessage().with_bytes(b"\x00${type}").resolve(BODY).wire == b"\x00${type}"


def test_a_request_is_resolved_in_uri_headers_and_body() -> None:
    request = (
        RestRequest("http://localhost/${body/id}", "POST")
        .with_header("X-Type", "${type}")
        .with_body({"deep": ["${body/id}"]})
    )
    resolved = request.resolve(BODY)
    assert (resolved.uri, resolved.headers, resolved.body) == (
        "http://localhost/5",
        {"X-Type": "new_request"},
        {"deep": [5]},
    )
    assert request.uri.endswith("${body/id}")


def test_a_requests_attributes() -> None:
    request = RestRequest("https://example.com", "GET").with_delay(1.5).with_body({"a": 1})
    assert (request.method, request.delay, request.headers) == ("get", 1.5, {})
    assert request.with_body({"b": 2}).body == {"b": 2}
    assert str(request) == "GET https://example.com"
