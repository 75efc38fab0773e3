"""The interface of pywsitest that existing tests rely on: patched names, calls, error texts.

The sockets here are mocks on purpose. Existing tests patch `websockets.connect`,
`ssl.SSLContext` and `asyncio.sleep` with mocks that return plain futures.
"""

from __future__ import annotations

import asyncio
import json
from asyncio import Future
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import MagicMock, patch

import pytest

from conformance.ws import RestRequest, WSMessage, WSResponse, WSTest, WSTimeoutError

URL = "wss://example.com"


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    new = asyncio.new_event_loop()
    asyncio.set_event_loop(new)
    yield new
    asyncio.set_event_loop(None)
    new.close()


def done(loop: asyncio.AbstractEventLoop, value: Any = None) -> Future[Any]:
    future = loop.create_future()
    future.set_result(value)
    return future


def never(loop: asyncio.AbstractEventLoop) -> Future[Any]:
    return loop.create_future()


@pytest.fixture
def socket(loop: asyncio.AbstractEventLoop) -> MagicMock:
    """A socket whose `recv` returns a MagicMock, which cannot be awaited."""
    mock = MagicMock()
    mock.send.return_value = done(loop)
    mock.close.return_value = done(loop)
    return mock


@pytest.fixture
def connect(loop: asyncio.AbstractEventLoop, socket: MagicMock) -> Iterator[MagicMock]:
    with patch("websockets.connect") as mock:
        mock.return_value = done(loop, socket)
        yield mock


Run = Callable[[WSTest], None]


@pytest.fixture
def run(loop: asyncio.AbstractEventLoop, connect: MagicMock) -> Run:
    return lambda test: loop.run_until_complete(test.run())


def receives(loop: asyncio.AbstractEventLoop, socket: MagicMock, *frames: Any) -> None:
    """Let these frames arrive, and no other."""
    socket.recv.side_effect = [*(done(loop, json.dumps(frame)) for frame in frames), never(loop)]


def test_defaults() -> None:
    test = WSTest(" uri ")
    assert test.uri == " uri "
    assert (test.parameters, test.headers) == ({}, {})
    assert (test.expected_responses, test.messages, test.requests) == ([], [], [])
    assert (test.response_timeout, test.message_timeout, test.request_timeout) == (10, 10, 10)
    assert (test.test_timeout, test.log_responses_on_error) == (60, False)
    assert test.sent_messages == test.sent_requests == test.received_responses == []
    assert test.received_json == test.received_request_responses == []
    assert test.is_complete()


def test_every_method_returns_the_test() -> None:
    test, response, message = WSTest(URL), WSResponse(), WSMessage()
    request = RestRequest(URL, "GET")
    chained = (
        test.with_parameter("p", 1)
        .with_header("h", 2)
        .with_response(response)
        .with_message(message)
        .with_request(request)
        .with_response_timeout(1)
        .with_message_timeout(2)
        .with_request_timeout(3)
        .with_test_timeout(4)
        .with_received_response_logging()
    )
    assert chained is test
    assert (test.parameters, test.headers) == ({"p": 1}, {"h": 2})
    assert (test.expected_responses, test.messages) == ([response], [message])
    assert test.requests == [request]
    assert (test.response_timeout, test.message_timeout, test.request_timeout) == (1, 2, 3)
    assert (test.test_timeout, test.log_responses_on_error) == (4, True)
    assert response.with_trigger(message).triggers == [message]
    assert message.with_delay(5).delay == 5


def test_a_timeout_error_is_a_plain_exception() -> None:
    assert WSTimeoutError.__bases__ == (Exception,)
    assert str(WSTimeoutError("text")) == "text"


def test_connects_once_and_closes_once(run: Run, connect: MagicMock, socket: MagicMock) -> None:
    with patch("ssl.SSLContext") as context:
        run(WSTest(URL))
        connect.assert_called_once_with(URL, ssl=context.return_value)
    socket.close.assert_called_once_with()
    socket.recv.assert_not_called()


def test_without_tls_no_context_is_passed(run: Run, connect: MagicMock) -> None:
    run(WSTest("ws://example.com"))
    connect.assert_called_once_with("ws://example.com")


def test_headers_use_the_older_keyword_if_the_signature_is_unknown(
    run: Run, connect: MagicMock
) -> None:
    run(WSTest("ws://example.com").with_header("X-Number", 5))
    connect.assert_called_once_with("ws://example.com", extra_headers={"X-Number": 5})


def test_uri_and_parameters_are_trimmed_and_not_encoded(run: Run, connect: MagicMock) -> None:
    run(WSTest("  ws://example.com ").with_parameter(" a ", " x y ").with_parameter("b", 2))
    connect.assert_called_once_with("ws://example.com?a=x y&b=2")


def test_a_second_question_mark_appears(run: Run, connect: MagicMock) -> None:
    run(WSTest("ws://example.com?a=1").with_parameter("b", 2))
    connect.assert_called_once_with("ws://example.com?a=1?b=2")


def test_one_response(loop: asyncio.AbstractEventLoop, run: Run, socket: MagicMock) -> None:
    receives(loop, socket, {"type": "other"}, {"type": "connected"})
    response = WSResponse().with_attribute("type", "connected")
    test = WSTest(URL).with_response(response)
    assert not test.is_complete()
    run(test)
    assert test.is_complete()
    assert test.received_responses == [response]
    assert test.received_json == ['{"type": "other"}', '{"type": "connected"}']
    assert socket.recv.call_count == 2


def test_frames_in_reverse_order_complete(
    loop: asyncio.AbstractEventLoop, run: Run, socket: MagicMock
) -> None:
    receives(loop, socket, {"n": 2}, {"n": 1})
    test = WSTest(URL)
    for number in (1, 2):
        test.with_response(WSResponse().with_attribute("n", number))
    run(test)
    assert [response.attributes["n"] for response in test.received_responses] == [2, 1]


def test_one_frame_meets_the_first_declared_only(
    loop: asyncio.AbstractEventLoop, run: Run, socket: MagicMock
) -> None:
    receives(loop, socket, {"n": 1}, {"n": 1})
    broad, narrow = WSResponse(), WSResponse().with_attribute("n", 1)
    test = WSTest(URL).with_response(broad).with_response(narrow)
    run(test)
    assert test.received_responses == [broad, narrow]


def test_a_message_is_sent_as_its_exact_text(run: Run, socket: MagicMock) -> None:
    message = WSMessage().with_attribute("b", "é").with_attribute("a", 1)
    test = WSTest(URL).with_message(message)
    run(test)
    socket.send.assert_called_once_with('{"b": "\\u00e9", "a": 1}')
    assert test.sent_messages == [message]
    assert test.is_complete()


def test_a_delay_sleeps_once_and_exactly(
    loop: asyncio.AbstractEventLoop, run: Run, socket: MagicMock
) -> None:
    with patch("asyncio.sleep", return_value=done(loop)) as sleep, patch("time.sleep") as blocking:
        receives(loop, socket, {"n": 1})
        trigger = WSMessage().with_attribute("x", 1)
        test = WSTest(URL).with_message(WSMessage().with_attribute("y", 2).with_delay(0.5))
        test.with_response(WSResponse().with_trigger(trigger))
        run(test)
    assert sleep.call_count == 1
    assert sleep.call_args.args == (0.5,)
    blocking.assert_not_called()
    assert len(test.sent_messages) == 2


def test_a_trigger_is_resolved_and_sent(
    loop: asyncio.AbstractEventLoop, run: Run, socket: MagicMock
) -> None:
    receives(loop, socket, {"body": [{"id": 7}]})
    trigger = WSMessage().with_attribute("id", "${body/0/id}")
    run(WSTest(URL).with_response(WSResponse().with_trigger(trigger)))
    socket.send.assert_called_once_with('{"id": 7}')


@pytest.mark.parametrize("logging", [False, True])
def test_the_text_of_a_response_timeout(
    loop: asyncio.AbstractEventLoop, run: Run, socket: MagicMock, logging: bool
) -> None:
    receives(loop, socket, {"n": 0}, {"n": 1})
    test = WSTest(URL).with_response_timeout(0.05)
    for number in (1, 2, 3):
        test.with_response(WSResponse().with_attribute("n", number))
    if logging:
        test.with_received_response_logging()
    with pytest.raises(WSTimeoutError) as caught:
        run(test)
    expected = 'Timed out waiting for responses:\n{"n": 2}\n{"n": 3}'
    if logging:
        expected += '\nReceived responses:\n{"n": 0}\n{"n": 1}'
    assert str(caught.value) == expected
    assert not test.is_complete()
    socket.close.assert_called_once_with()


def test_the_text_of_a_message_timeout(
    loop: asyncio.AbstractEventLoop, run: Run, socket: MagicMock
) -> None:
    socket.send.return_value = never(loop)
    message = WSMessage().with_attribute("a", 1)
    test = WSTest(URL).with_message(message).with_message_timeout(0.05)
    with pytest.raises(WSTimeoutError) as caught:
        run(test)
    assert str(caught.value) == 'Timed out trying to send message:\n{"a": 1}'
    assert test.sent_messages == []
    assert not test.is_complete(), "the message is still outstanding"
    socket.close.assert_called_once_with()


def test_a_timeout_of_the_socket_itself_keeps_its_type(run: Run, socket: MagicMock) -> None:
    socket.send.side_effect = TimeoutError("[Errno 110] Connection timed out")
    with pytest.raises(TimeoutError, match="Errno 110"):
        run(WSTest(URL).with_message(WSMessage()))


def test_the_text_of_a_test_timeout(
    loop: asyncio.AbstractEventLoop, run: Run, socket: MagicMock
) -> None:
    receives(loop, socket)
    test = WSTest(URL).with_response(WSResponse()).with_test_timeout(0.05)
    with pytest.raises(WSTimeoutError) as caught:
        run(test)
    assert str(caught.value) == "Timed out waiting for test to finish"
    socket.close.assert_called_once_with()


def test_an_unsent_request_is_not_complete() -> None:
    assert not WSTest(URL).with_request(RestRequest("https://example.com", "GET")).is_complete()


def test_a_refused_connection_propagates(run: Run, connect: MagicMock, socket: MagicMock) -> None:
    connect.side_effect = OSError("refused")
    with pytest.raises(OSError, match="refused") as caught:
        run(WSTest(URL))
    assert str(caught.value) == "refused"
    socket.close.assert_not_called()


def test_the_receive_handler_logs_a_frame(
    loop: asyncio.AbstractEventLoop, socket: MagicMock
) -> None:
    test = WSTest(URL)
    loop.run_until_complete(test._receive_handler(socket, '{"example": 123}'))
    assert test.received_json == ['{"example": 123}']
    assert test.received_responses == []
    socket.send.assert_not_called()
