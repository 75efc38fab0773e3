"""Tests on real connections: sending, raw frames, silence, closes, failures."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
import websockets
from websockets.sync.server import ServerConnection

from conformance.ws import (
    Range,
    Regex,
    WSExpectationError,
    WSMessage,
    WSResponse,
    WSTest,
    WSTimeoutError,
)
from conformance.ws.outcome import Verdict
from tests.conformance.ws.servers import Handler, Serve, echoes, failing, play, sends, stay

LONG = 20.0
"""Seconds that a test waits only if it fails."""


def event(name: str) -> WSResponse:
    return WSResponse().with_attribute("event", name)


def test_every_kind_of_message_is_sent_and_received(serve: Serve) -> None:
    test = (
        WSTest(serve(echoes))
        .in_order()
        .with_message(WSMessage().with_attribute("event", "é"))
        .with_message(WSMessage().with_json([1, None]))
        .with_message(WSMessage().with_text("plain ${event}"))
        .with_message(WSMessage().with_bytes(b"\x00\xff"))
        .with_response(event("é"))
        .with_response(WSResponse().with_json([1, None]))
        .with_response(WSResponse().with_text("plain ${event}"))
        .with_response(WSResponse().with_bytes(b"\x00\xff"))
    )
    play(test)
    assert test.received_json == [
        '{"event": "\\u00e9"}',
        "[1, null]",
        "plain ${event}",
        b"\x00\xff",
    ]
    assert len(test.sent_messages) == 4


def test_a_trigger_reads_the_message_that_it_answers(serve: Serve) -> None:
    trigger = WSMessage().with_attribute("event", "reply").with_attribute("to", ["<${id}>"])

    def handler(socket: ServerConnection) -> None:
        socket.send('{"event": "ask", "id": 5}')
        echoes(socket)

    play(
        WSTest(serve(handler))
        .with_response(event("ask").with_trigger(trigger))
        .with_response(event("reply").with_attribute("to/0", "<5>"))
    )


def test_a_reused_message_is_resolved_anew(serve: Serve) -> None:
    trigger = WSMessage().with_attribute("got", "${n}")

    def handler(socket: ServerConnection) -> None:
        socket.send('{"n": 1}')
        socket.send('{"n": 2}')
        echoes(socket)

    test = WSTest(serve(handler))
    for n in (1, 2):
        test.with_response(WSResponse().with_attribute("n", n).with_trigger(trigger))
        test.with_response(WSResponse().with_attribute("got", n))
    play(test)


def test_a_variable_of_the_test_is_sent(serve: Serve) -> None:
    play(
        WSTest(serve(echoes))
        .with_variable("room", {"id": 5})
        .with_message(WSMessage().with_attribute("event", "room ${$room/id}"))
        .with_response(event("room 5"))
    )


def test_a_captured_variable_is_sent_by_a_later_trigger(serve: Serve) -> None:
    def handler(socket: ServerConnection) -> None:
        socket.send('{"event": "session", "id": "s-1"}')
        socket.send('{"event": "ready"}')
        echoes(socket)

    trigger = WSMessage().with_attribute("event", "resume ${$session}")
    play(
        WSTest(serve(handler))
        .with_response(event("session").with_capture("session", "id"))
        .with_response(event("ready").with_trigger(trigger))
        .with_response(event("resume s-1"))
    )


def test_a_stream_is_collected(serve: Serve) -> None:
    words = [{"event": "chunk", "text": word} for word in ("one ", "two ", "three")]
    stream = event("chunk").until(event("end"), at_least=1)
    test = WSTest(serve(sends(*words, {"event": "end"}))).with_response(stream)
    play(test)
    assert "".join(test.collected(stream, "text")) == "one two three"


def test_silence_holds(serve: Serve) -> None:
    play(WSTest(serve(sends({"event": "a"}))).with_response(event("a")).expect_silence(0.1))


def test_silence_is_broken_by_any_message(serve: Serve) -> None:
    test = WSTest(serve(sends({"event": "a"}, "surprise"))).with_response(event("a"))
    error = failing(test.expect_silence(LONG), WSExpectationError)
    assert (error.check, error.actual) == ("expect_silence", '"surprise"')
    assert not test.is_complete()


def test_silence_begins_after_the_last_sending(serve: Serve) -> None:
    def handler(socket: ServerConnection) -> None:
        for frame in socket:
            socket.send(frame)

    test = WSTest(serve(handler)).with_message(WSMessage().with_text("x")).expect_silence(LONG)
    assert failing(test, WSExpectationError).check == "expect_silence"


def test_a_server_that_closes_is_silent(serve: Serve) -> None:
    play(WSTest(serve(lambda _: None)).expect_silence(LONG))


def test_an_epilogue_that_did_not_run_is_not_complete() -> None:
    assert not WSTest("ws://localhost").expect_silence(1).is_complete()
    assert not WSTest("ws://localhost").expect_close().is_complete()


def test_listening_records_every_message(serve: Serve) -> None:
    test = WSTest(serve(lambda s: [s.send("1"), s.send("2")])).keep_listening(LONG)
    play(test)
    assert test.received_json == ["1", "2"]


def test_nothing_is_read_after_the_last_expectation(serve: Serve) -> None:
    test = WSTest(serve(sends({"event": "a"}, {"event": "b"}))).with_response(event("a"))
    play(test)
    assert test.received_json == ['{"event": "a"}']


def test_a_forbidden_message_fails_at_once(serve: Serve) -> None:
    test = WSTest(serve(sends({"event": "error"}))).with_response(event("a"))
    error = failing(test.without_response(event("error")), WSExpectationError)
    assert (error.check, error.where.split(" at ")[0]) == ("without_response", "frame 1")


def test_a_forbidden_message_fails_while_listening(serve: Serve) -> None:
    test = WSTest(serve(sends({"event": "a"}, {"event": "error"}))).with_response(event("a"))
    test.without_response(event("error")).keep_listening(LONG)
    assert failing(test, WSExpectationError).check == "without_response"


def test_a_forbidden_message_that_does_not_arrive(serve: Serve) -> None:
    fence = event("a").with_trigger(WSMessage().with_attribute("event", "fence"))

    def handler(socket: ServerConnection) -> None:
        socket.send('{"event": "a"}')
        echoes(socket)

    test = WSTest(serve(handler)).with_response(fence).with_response(event("fence"))
    play(test.without_response(event("error")))


def closes(code: int, reason: str = "") -> Handler:
    return lambda socket: socket.close(code, reason)


def test_an_expected_close(serve: Serve) -> None:
    play(WSTest(serve(closes(1008, "not you"))).expect_close(1008, "not you"))
    play(WSTest(serve(closes(4001))).expect_close(Range(4000, 4999)))
    play(WSTest(serve(closes(1000, "bye now"))).expect_close(reason=Regex("^bye")))
    play(WSTest(serve(closes(1000))).expect_close())


@pytest.mark.parametrize(("code", "reason"), [(1000, None), (1008, "else")])
def test_a_close_with_another_code_or_reason(serve: Serve, code: int, reason: str | None) -> None:
    test = WSTest(serve(closes(1008, "not you"))).expect_close(code, reason)
    error = failing(test, WSExpectationError)
    assert (error.check, error.actual) == ("expect_close", "1008 'not you'")
    assert not test.is_complete()


def test_an_end_without_a_close_frame_is_1006(serve: Serve) -> None:
    url = serve(lambda socket: socket.socket.shutdown(2))
    play(WSTest(url).expect_close(1006))
    error = failing(WSTest(url).expect_close(1000), WSExpectationError)
    assert error.actual == "1006, without a close frame"


def test_a_close_that_does_not_arrive(serve: Serve) -> None:
    test = WSTest(serve(stay)).expect_close(1000).with_response_timeout(0.05)
    assert str(failing(test, WSTimeoutError)) == "Timed out waiting for close:\n1000"


def test_the_server_closes_after_an_oversized_message(serve: Serve) -> None:
    message = WSMessage().with_text("x" * 1001)
    play(WSTest(serve(echoes, max_size=1000)).with_message(message).expect_close(1009))


def test_a_close_instead_of_a_response_fails_the_test(serve: Serve) -> None:
    test = WSTest(serve(closes(1011))).with_response(event("a"))
    error = failing(test, websockets.ConnectionClosed)
    assert "closed by the server: 1011" in error.__notes__[0]
    assert 'not met: {"event": "a"}' in error.__notes__[0]
    assert test.outcome is not None
    assert test.outcome.verdict is Verdict.FAIL


def test_within_bounds_the_wait_though_other_messages_keep_coming(serve: Serve) -> None:
    left = threading.Event()

    def chatty(socket: ServerConnection) -> None:
        try:
            while not left.wait(0.005):
                socket.send('{"event": "noise"}')
        except websockets.ConnectionClosed:
            pass

    test = WSTest(serve(chatty)).with_response(event("a").within(0.1)).with_test_timeout(LONG)
    try:
        error = failing(test, WSTimeoutError)
    finally:
        left.set()
    assert str(error) == 'Timed out waiting for responses:\n{"event": "a"}'


def test_a_failure_stops_the_sending(serve: Serve) -> None:
    message = WSMessage().with_text("late").with_delay(LONG)
    test = WSTest(serve(sends({"event": "error"}))).with_message(message)
    test.with_response(event("a")).without_response(event("error"))
    began = time.monotonic()
    failing(test, WSExpectationError)
    assert time.monotonic() - began < LONG / 2
    assert test.messages == [message]
    assert test.sent_messages == []


def test_cancelling_a_test_closes_its_connection(serve: Serve) -> None:
    left, arrived = threading.Event(), threading.Event()

    def handler(socket: ServerConnection) -> None:
        # The server may accept before the client knows: only a message proves both.
        socket.recv()
        arrived.set()
        stay(socket)
        left.set()

    message = WSMessage().with_text("here")
    test = WSTest(serve(handler)).with_message(message).with_response(event("a"))

    async def cancel() -> None:
        task = asyncio.ensure_future(test.run())
        await asyncio.to_thread(arrived.wait, LONG)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert left.wait(LONG)
    assert test.outcome is not None
    assert test.outcome.stopped


def test_a_refused_connection_is_an_error(serve: Serve) -> None:
    url = serve(stay, process_request=lambda connection, _: connection.respond(403, "no"))
    test = WSTest(url).with_response(event("a"))
    failing(test, websockets.InvalidStatus)
    assert test.outcome is not None
    assert test.outcome.verdict is Verdict.ERROR
    assert "cannot connect to" in test.outcome.page
