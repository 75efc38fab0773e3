"""Several clients at once: barriers, shared variables, one failure for all."""

from __future__ import annotations

import asyncio
import threading

import pytest
from websockets.sync.server import ServerConnection

from conformance.ws import (
    WSBarrier,
    WSExpectationError,
    WSMessage,
    WSResponse,
    WSScenario,
    WSTest,
    WSTimeoutError,
)
from conformance.ws.outcome import Verdict
from tests.conformance.ws.servers import Serve, echoes, failing, sends, stay

LONG = 20.0


def event(name: str) -> WSResponse:
    return WSResponse().with_attribute("event", name)


class Order:
    """A server that records the order of connections and messages, and echoes."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        name = socket.request.path.strip("/")
        self.note(f"{name} connects")
        socket.send('{"event": "hello"}')
        for frame in socket:
            self.note(f"{name} sends")
            socket.send(frame)
        self.note(f"{name} leaves")

    def note(self, event: str) -> None:
        with self._lock:
            self.seen.append(event)


def test_a_barrier_orders_connections(serve: Serve) -> None:
    order = Order()
    url = serve(order)
    first_is_in = WSBarrier(2, name="first is in")
    first = WSTest(f"{url}/first").with_response(event("hello").with_barrier(first_is_in))
    second = WSTest(f"{url}/second").with_barrier(first_is_in).with_response(event("hello"))
    scenario = WSScenario("order").with_client(second).with_client(first)
    asyncio.run(scenario.run())
    assert scenario.is_complete()
    assert order.seen.index("first connects") < order.seen.index("second connects")


def test_a_barrier_orders_messages(serve: Serve) -> None:
    order = Order()
    url = serve(order)
    spoken = WSBarrier(2)
    hello = event("hello").with_trigger(WSMessage().with_attribute("event", "x"))
    first = (
        WSTest(f"{url}/first").with_response(hello).with_response(event("x").with_barrier(spoken))
    )
    second = (
        WSTest(f"{url}/second")
        .with_response(event("y"))
        .with_message(WSMessage().with_attribute("event", "y").with_barrier(spoken))
    )
    asyncio.run(WSScenario("order").with_client(first).with_client(second).run())
    assert order.seen.index("first sends") < order.seen.index("second sends")


def test_an_end_barrier_keeps_a_finished_client_connected(serve: Serve) -> None:
    """The second server waits for the first client to close, and reports the result."""
    left = threading.Event()

    def first_handler(socket: ServerConnection) -> None:
        socket.send('{"event": "hello"}')
        stay(socket)
        left.set()

    def second_handler(socket: ServerConnection) -> None:
        socket.send('{"event": "left"}' if left.wait(0.2) else '{"event": "stays"}')
        stay(socket)

    over = WSBarrier(2)
    first = WSTest(serve(first_handler)).with_response(event("hello")).with_end_barrier(over)
    second = WSTest(serve(second_handler)).with_response(event("stays")).with_end_barrier(over)
    second.without_response(event("left"))
    asyncio.run(WSScenario("end").with_client(first).with_client(second).run())
    assert left.wait(LONG)


def test_barriers_work_without_a_scenario(serve: Serve) -> None:
    url = serve(sends({"event": "hello"}))
    barrier = WSBarrier(3)
    tests = [WSTest(url).with_response(event("hello").with_barrier(barrier)) for _ in range(3)]

    async def gather() -> None:
        await asyncio.gather(*(test.run() for test in tests))

    asyncio.run(gather())
    assert all(test.is_complete() for test in tests)


def test_a_missing_party_fails_the_wait_of_all() -> None:
    async def wait() -> list[BaseException | None]:
        barrier = WSBarrier(3, name="all in", timeout=0.05)
        return await asyncio.gather(barrier.wait("a"), barrier.wait("b"), return_exceptions=True)

    errors = asyncio.run(wait())
    assert [type(error) for error in errors] == [WSTimeoutError] * 2
    (text,) = {str(error) for error in errors}
    assert text == "Timed out waiting at barrier 'all in': 2 of 3 arrived (a, b)"


def test_a_late_party_fails_without_waiting() -> None:
    async def wait() -> None:
        barrier = WSBarrier(2, timeout=0.05)
        with pytest.raises(WSTimeoutError):
            await barrier.wait("a")
        barrier.timeout = LONG
        async with asyncio.timeout(LONG / 2):
            with pytest.raises(WSTimeoutError, match=r"1 of 2 arrived \(a\)"):
                await barrier.wait("b")

    asyncio.run(wait())


def test_a_client_that_waits_alone_fails(serve: Serve) -> None:
    barrier = WSBarrier(2, name="both in", timeout=0.05)
    test = WSTest(serve(sends({"event": "hello"}))).with_name("Rob")
    error = failing(test.with_response(event("hello").with_barrier(barrier)), WSTimeoutError)
    assert str(error) == "Timed out waiting at barrier 'both in': 1 of 2 arrived (Rob)"
    assert "waits at 'both in'" in error.__notes__[0]


def test_a_barrier_may_be_passed_again() -> None:
    barrier = WSBarrier(2)
    passed: list[str] = []

    async def party(name: str) -> None:
        for turn in range(3):
            await barrier.wait(name)
            passed.append(f"{turn}")

    async def both() -> None:
        await asyncio.gather(party("a"), party("b"))

    asyncio.run(both())
    assert passed == sorted(passed)
    with pytest.raises(ValueError, match="at least 1 party"):
        WSBarrier(0)


def test_clients_share_their_variables(serve: Serve) -> None:
    url = serve(echoes)
    known = WSBarrier(2)
    first = (
        WSTest(url)
        .with_message(WSMessage().with_attribute("event", "id").with_attribute("id", 5))
        .with_response(event("id").with_capture("id", "id").with_barrier(known))
    )
    second = WSTest(url).with_message(WSMessage().with_json("${$id}, ${$room}").with_barrier(known))
    second.with_response(WSResponse().with_json("5, lobby"))
    scenario = WSScenario("shared").with_variable("room", "lobby")
    asyncio.run(scenario.with_client(first).with_client(second).run())
    assert scenario.variables == {"id": 5, "room": "lobby"}


def test_one_failure_stops_all_clients_and_shows_all_transcripts(serve: Serve) -> None:
    """The failing client waits at a barrier until the other one is connected."""
    both_in = WSBarrier(2)
    bad = (
        WSTest(serve(sends({"event": "hello"}, {"event": "error"})))
        .with_name("bad")
        .with_response(event("hello").with_barrier(both_in))
        .with_response(event("never"))
        .without_response(event("error"))
        .with_response_timeout(LONG)
    )
    good = (
        WSTest(serve(sends({"event": "hello"})))
        .with_name("good")
        .with_response(event("hello").with_barrier(both_in))
        .with_response(event("never"))
    )
    scenario = WSScenario("trouble").with_client(bad).with_client(good)
    error = failing(scenario, WSExpectationError)
    (note,) = [note for note in error.__notes__ if note.startswith("all clients of 'trouble'")]
    assert {line.split()[2] for line in note.splitlines()[1:]} == {"bad", "good"}
    failed, stopped = scenario.outcomes
    assert (failed.verdict, failed.scenario) == (Verdict.FAIL, "trouble")
    assert (stopped.verdict, stopped.reason) == (Verdict.ERROR, "stopped when bad failed")
    assert not scenario.is_complete()


def test_clients_without_names_are_numbered(serve: Serve) -> None:
    url = serve(stay)
    scenario = WSScenario("names").with_client(WSTest(url)).with_client(WSTest(url).with_name("b"))
    asyncio.run(scenario.run())
    assert [outcome.name for outcome in scenario.outcomes] == ["client 1", "b"]
