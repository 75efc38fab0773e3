"""REST requests next to the messages of a test."""

from __future__ import annotations

import socket

import pytest
from websockets.sync.server import ServerConnection

from conformance.ws import (
    Range,
    Regex,
    RestConnectionError,
    RestRequest,
    WSExpectationError,
    WSMessage,
    WSResponse,
    WSTest,
    WSTimeoutError,
)
from tests.conformance.ws.servers import Api, Serve, echoes, failing, play, stay


def test_a_request_is_sent(serve: Serve, api: Api) -> None:
    request = (
        RestRequest(f"{api.url}/users", "POST")
        .with_header("X-Number", 5)
        .with_body({"name": "Rob"})
    )
    test = play(WSTest(serve(stay)).with_request(request))
    (seen,) = api.requests
    assert (seen["method"], seen["path"], seen["body"]) == ("POST", "/users", {"name": "Rob"})
    assert seen["headers"]["X-Number"] == "5"
    assert test.sent_requests == [request]
    (answer,) = test.received_request_responses
    assert (answer.status_code, answer.json()) == (200, {"id": 7, "ok": True})


def test_a_request_without_headers_and_body(serve: Serve, api: Api) -> None:
    play(WSTest(serve(stay)).with_request(RestRequest(api.url, "get")))
    assert api.requests[0]["body"] is None
    assert "Content-Type" not in api.requests[0]["headers"]


def test_a_slow_request_does_not_freeze_the_socket(serve: Serve, api: Api) -> None:
    """The API answers only after messages in both directions."""
    api.gate.clear()

    def handler(client: ServerConnection) -> None:
        assert api.asked.wait(20)
        client.send('{"event": "asked"}')
        assert client.recv() == '{"event": "seen"}'
        api.gate.set()
        stay(client)

    seen = WSMessage().with_attribute("event", "seen")
    play(
        WSTest(serve(handler))
        .with_request(RestRequest(api.url, "GET"))
        .with_response(WSResponse().with_attribute("event", "asked").with_trigger(seen))
    )


def test_the_text_of_a_request_timeout(serve: Serve, api: Api) -> None:
    api.gate.clear()
    request = RestRequest(api.url, "GET")
    test = WSTest(serve(stay)).with_request(request).with_request_timeout(0.1)
    error = failing(test, WSTimeoutError)
    assert str(error) == f"Timed out trying to send request:\n{request}"
    assert not test.is_complete()
    assert test.sent_requests == []


def test_other_failures_of_a_request_end_the_test(serve: Serve) -> None:
    with socket.socket() as unserved:
        unserved.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unserved.getsockname()[1]}/"
        failing(WSTest(serve(stay)).with_request(RestRequest(uri, "GET")), RestConnectionError)


def test_any_status_passes_without_a_declaration(serve: Serve, api: Api) -> None:
    api.answer = (500, b"oops")
    play(WSTest(serve(stay)).with_request(RestRequest(api.url, "GET")))


@pytest.mark.parametrize("status", [200, Range(200, 299)])
def test_a_status_is_expected(serve: Serve, api: Api, status: int) -> None:
    request = RestRequest(api.url, "GET").expect_status(status)
    play(WSTest(serve(stay)).with_request(request))
    api.answer = (404, b"nowhere")
    test = WSTest(serve(stay)).with_request(RestRequest(api.url, "GET").expect_status(status))
    error = failing(test, WSExpectationError)
    assert (error.check, error.actual) == ("expect_status", '404, body "nowhere"')
    assert error.where == f"GET {api.url}"


def test_a_body_is_expected(serve: Serve, api: Api) -> None:
    request = RestRequest(api.url, "GET").expect_attribute("id", 7).expect_text(Regex('"ok"'))
    play(WSTest(serve(stay)).with_request(request))
    wrong = WSTest(serve(stay)).with_request(RestRequest(api.url, "GET").expect_attribute("id", 8))
    error = failing(wrong, WSExpectationError)
    assert (error.check, error.expected, error.actual) == ("expect_attribute", "8 at id", "7")
    api.answer = (200, b"<html>")
    wrong = WSTest(serve(stay)).with_request(RestRequest(api.url, "GET").expect_attribute("id"))
    assert failing(wrong, WSExpectationError).actual == '"<html>"'
    wrong = WSTest(serve(stay)).with_request(RestRequest(api.url, "GET").expect_text("else"))
    assert failing(wrong, WSExpectationError).check == "expect_text"


def test_an_answer_triggers_a_message_with_its_values(serve: Serve, api: Api) -> None:
    request = RestRequest(api.url, "GET").with_capture("user", "id")
    request.with_trigger(
        WSMessage().with_attribute("join", "${id}").with_attribute("as", "${$user}")
    )
    test = WSTest(serve(echoes)).with_request(request)
    play(test.with_response(WSResponse().with_json({"join": 7, "as": 7})))
    assert test.variables == {"user": 7}


def test_a_message_triggers_a_request_with_its_values(serve: Serve, api: Api) -> None:
    request = RestRequest(f"{api.url}/rooms/${{room}}", "DELETE").with_delay(0.01)
    test = WSTest(serve(echoes)).with_message(WSMessage().with_attribute("room", 5))
    play(test.with_response(WSResponse().with_attribute("room").with_trigger(request)))
    assert (api.requests[0]["method"], api.requests[0]["path"]) == ("DELETE", "/rooms/5")
    assert test.sent_requests[0].uri.endswith("/rooms/5")


def test_send_works_outside_a_test(api: Api) -> None:
    answer = RestRequest(api.url, "GET").send(10)
    assert answer.status_code == 200


def test_a_variable_of_the_test_is_sent(serve: Serve, api: Api) -> None:
    test = WSTest(serve(stay)).with_variable("room", 5)
    play(test.with_request(RestRequest(f"{api.url}/rooms/${{$room}}", "GET")))
    assert api.requests[0]["path"] == "/rooms/5"


def test_a_redirection_is_followed(serve: Serve, api: Api) -> None:
    api.moved["/old"] = "/new"
    request = RestRequest(f"{api.url}/old", "POST").with_body({"a": 1}).expect_status(200)
    play(WSTest(serve(stay)).with_request(request))
    assert [(each["path"], each["body"]) for each in api.requests] == [
        ("/old", {"a": 1}),
        ("/new", {"a": 1}),
    ]


def test_the_transcript_has_requests_and_answers(serve: Serve, api: Api) -> None:
    test = play(WSTest(serve(stay)).with_request(RestRequest(api.url, "GET")))
    text = str(test.transcript)
    assert f"->  GET {api.url}" in text
    assert '<-  status 200, "{' in text
