"""A connection that fails and a wrong declaration: expected, found, where, and what to do."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
import websockets

from conformance.ws import (
    RestRequest,
    WSBarrier,
    WSMessage,
    WSResponse,
    WSScenario,
    WSTest,
)
from tests.conformance.ws.servers import Authority, Serve, echoes, failing, stay


def advice(test: WSTest, error: type[BaseException]) -> str:
    """Return the note of a connection that fails, and check that the error's text is short."""
    raised = failing(test.with_response(WSResponse()), error)
    note, report = raised.__notes__
    assert note not in str(raised)
    assert "cannot connect to" in report
    assert "not met" not in report, "a closed connection cannot meet anything"
    return str(note)


def test_a_refused_handshake(serve: Serve) -> None:
    url = serve(stay, process_request=lambda connection, _: connection.respond(403, "who?\x1b"))
    assert advice(WSTest(url), websockets.InvalidStatus) == (
        "expected status 101, found InvalidStatus: server rejected WebSocket connection: HTTP 403, "
        f"body b'who?\\x1b' ({url}); check the path, with_parameter and with_header"
    )


@pytest.mark.parametrize("uri", ["localhost:80", "https://localhost", ""])
def test_a_uri_without_a_websocket_scheme(uri: str) -> None:
    note = advice(WSTest(uri), websockets.InvalidURI)
    assert note.startswith("expected a ws:// or wss:// URL, found InvalidURI: ")
    assert note.endswith(f"({uri}); correct the uri of the WSTest")


def test_a_server_that_does_not_listen() -> None:
    with socket.socket() as unserved:
        unserved.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unserved.getsockname()[1]}"
        note = advice(WSTest(url), OSError)
    assert note.startswith("expected a server that listens, found ConnectionRefusedError: ")
    assert note.endswith(f"({url}); start it, or correct the uri of the WSTest")


def test_a_host_name_that_does_not_resolve() -> None:
    note = advice(WSTest("ws://a-name-that-does-not-exist.invalid"), socket.gaierror)
    assert note.startswith("expected a host name that resolves, found gaierror: ")


def test_tls_to_a_server_without_it(serve: Serve) -> None:
    url = serve(stay).replace("ws://", "wss://")
    note = advice(WSTest(url).with_option("open_timeout", 20), OSError)
    # The server closes or resets the connection, which is a race.
    assert re.match("expected a (TLS )?handshake, found (SSL|ConnectionReset)Error: ", note)
    assert note.endswith("; write ws:// if the server does not use TLS")


def test_no_tls_to_a_server_with_it(serve: Serve, authority: Authority) -> None:
    url = serve(stay, ssl=authority.server()).replace("wss://", "ws://")
    note = advice(WSTest(url), websockets.InvalidHandshake)
    assert note.startswith("expected an HTTP answer to the handshake, found InvalidMessage: ")
    assert "; write wss:// if the server uses TLS" in note


def test_a_server_that_does_not_answer_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        test = WSTest(f"ws://127.0.0.1:{silent.getsockname()[1]}")
        note = advice(test.with_option("open_timeout", 0.05), TimeoutError)
    assert note.startswith("expected a connection in time, found TimeoutError: ")
    assert note.endswith('; wait longer: .with_option("open_timeout", seconds)')


def test_a_subprotocol_that_was_not_offered(serve: Serve) -> None:
    url = serve(stay, subprotocols=["a"], select_subprotocol=lambda _connection, _offered: "a")
    note = advice(WSTest(url).with_subprotocol("b"), websockets.NegotiationError)
    assert note.startswith("expected an offered subprotocol, found NegotiationError: ")


def test_an_option_that_does_not_exist(serve: Serve) -> None:
    note = advice(WSTest(serve(stay)).with_option("colour", 1), TypeError)
    assert note.startswith("expected options that websockets.connect accepts, found TypeError: ")
    assert note.endswith("; check with_option")


response, message, request = WSResponse(), WSMessage(), RestRequest("http://localhost", "GET")

WRONG: list[tuple[Callable[[], Any], str, str, str]] = [
    (lambda: WSTest("").with_response(message), "WSResponse", "<", "with_response"),
    (lambda: WSTest("").without_response("a"), "WSResponse", "'a'", "without_response"),
    (lambda: WSTest("").with_response(WSResponse), "WSResponse", "the class", "with_response"),
    (lambda: WSTest("").with_message(response), "WSMessage", "<", "with_message"),
    (lambda: WSTest("").with_request(message), "RestRequest", "<", "with_request"),
    (lambda: WSTest("").with_barrier(2), "WSBarrier", "2", "with_barrier"),
    (lambda: WSTest("").with_end_barrier(2), "WSBarrier", "2", "with_end_barrier"),
    (lambda: WSTest("").with_tls("ca.pem"), "SSLContext", "'ca.pem'", "with_tls"),
    (lambda: WSTest(None), "str", "None", "WSTest"),
    (lambda: WSResponse().with_trigger("a"), "WSMessage or RestRequest", "'a'", "with_trigger"),
    (lambda: WSResponse().with_barrier(2), "WSBarrier", "2", "with_barrier"),
    (lambda: WSResponse().after(message), "WSResponse", "<", "after"),
    (lambda: WSResponse().until("a"), "WSResponse", "'a'", "until"),
    (lambda: WSMessage().with_text(b"a"), "str", "b'a'", "with_text"),
    (lambda: WSMessage().with_bytes("a"), "bytes", "'a'", "with_bytes"),
    (lambda: WSMessage().with_barrier(2), "WSBarrier", "2", "with_barrier"),
    (lambda: request.with_trigger(response), "WSMessage or RestRequest", "<", "with_trigger"),
    (lambda: request.with_tls(True), "SSLContext", "True", "with_tls"),
    (lambda: WSScenario("").with_client(WSScenario("")), "WSTest", "<", "with_client"),
]


@pytest.mark.parametrize(("declare", "wanted", "actual", "where"), WRONG)
def test_an_argument_of_another_type(
    declare: Callable[[], Any], wanted: str, actual: str, where: str
) -> None:
    with pytest.raises(TypeError) as caught:
        declare()
    text = str(caught.value)
    assert text.startswith(f"expected a {wanted}, found {actual}")
    assert text.endswith(f" ({where}); pass an instance of {wanted}")


@pytest.mark.parametrize("seconds", [-1, "5", True, float("nan"), None])
def test_a_duration_is_a_number_of_seconds(seconds: Any) -> None:
    for method in (
        WSMessage().with_delay,
        WSResponse().within,
        RestRequest("http://localhost", "GET").with_delay,
        WSTest("").expect_silence,
        WSTest("").keep_listening,
    ):
        with pytest.raises(ValueError, match=r"^expected seconds, 0 or more, found ") as caught:
            method(seconds)
        assert f"found {seconds!r} ({method.__name__}); pass a number" in str(caught.value)


def test_a_timeout_may_be_endless() -> None:
    test = WSTest("")
    for method in (
        test.with_response_timeout,
        test.with_message_timeout,
        test.with_request_timeout,
        test.with_test_timeout,
    ):
        method(None)
        method(0)
        with pytest.raises(ValueError, match=r"^expected seconds, 0 or more, or None for no limit"):
            method(-0.1)


def test_a_message_that_is_not_json(serve: Serve) -> None:
    test = WSTest(serve(echoes)).with_message(WSMessage().with_attribute("data", b"\x00"))
    error = failing(test, TypeError)
    expected = 'expected JSON types, found {"data": "b\'\\\\x00\'"} (WSMessage); pass JSON types'
    assert error.__notes__[0] == f"{expected}; send bytes with with_bytes"


def test_numbers_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match=r"expected 1 or more, found 0 \(times\); forbid a mess"):
        WSResponse().times(0)
    with pytest.raises(
        ValueError, match=r"expected at least 1 party, found 0 \(WSBarrier\); count"
    ):
        WSBarrier(0)


def test_a_predecessor_of_another_test() -> None:
    test = WSTest("").with_response(WSResponse().after(WSResponse().with_attribute("a")))
    assert str(failing(test, ValueError)) == (
        'expected a response of the same test, found {"a": null} (after); add it with with_response'
    )


def test_a_forbidden_message_that_the_test_would_never_receive() -> None:
    text = str(failing(WSTest("").without_response(WSResponse()), ValueError))
    assert text.startswith("expected a test that receives messages, found one that never does (wi")


def test_a_scenario_without_clients() -> None:
    text = "expected clients, found none (empty); add with_client"
    assert str(failing(WSScenario("empty"), ValueError)) == text
