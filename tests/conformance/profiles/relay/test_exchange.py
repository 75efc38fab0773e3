"""Exchanges with a daemon on real sockets: what a scenario waits for and records."""

import asyncio
import socket
import time
from pathlib import Path

import pytest

from conformance.core.evidence import End, Ending, JournalEntry, SentEvent
from conformance.core.finding import ScenarioStopped
from conformance.core.socket_type import SocketType
from conformance.profiles.handoff.client_pair import ClientKind
from conformance.profiles.relay.exchange import Exchange
from tests.conformance.profiles.handoff.miniature_daemon import Serve
from tests.conformance.profiles.relay.exchanges import (
    DONE,
    EVENT,
    HEAD,
    KINDS,
    Journal,
    answer,
    cited,
    entry,
    exchange_with,
    play,
    silence,
)


@KINDS
@pytest.mark.parametrize("socket_type", list(SocketType))
def test_a_whole_exchange(tmp_path: Path, client: ClientKind, socket_type: SocketType) -> None:
    handoffs = []

    async def serve(clients: list[socket.socket], data: bytes) -> None:
        handoffs.append((len(clients), data))
        await answer(HEAD + EVENT, DONE)(clients, data)

    async def scenario(exchange: Exchange) -> None:
        seen = await exchange.finish()
        assert seen.response.transcript.raw == HEAD + EVENT + DONE
        assert seen.response.transcript.ending is Ending.EOF
        assert seen.response.transcript.request == b'{"prompt":"hi"}'
        times = [read.at for read in seen.response.transcript.reads]
        assert seen.response.transcript.began_at <= times[0]
        assert times == sorted(times)
        assert times[-1] <= seen.response.transcript.ended_at
        assert seen.asked.body["messages"] == [{"role": "user", "content": "hi"}]
        assert seen.upstream == (entry(),)
        assert await exchange.finish() is seen

    upstream = Journal(now=(entry(), entry(token="other")))
    exchange = play(
        tmp_path, serve, scenario, upstream=upstream, client=client, socket_type=socket_type
    )
    assert handoffs == [(1, b'{"prompt":"hi"}')]
    assert exchange.failures == []
    assert upstream.waits == [], "nothing was running, so there was nothing to wait for"


def test_waits_for_the_upstream_to_note_its_end(tmp_path: Path) -> None:
    async def scenario(exchange: Exchange) -> None:
        assert (await exchange.finish()).upstream == (entry(),)

    upstream = Journal(now=(entry(End.RUNNING),), later=(entry(),))
    play(tmp_path, answer(HEAD, DONE), scenario, upstream=upstream)
    assert [wait[:2] for wait in upstream.waits] == [("T", "ended")]


@pytest.mark.parametrize(
    ("sends", "found"),
    [
        ([1, 1, 1], []),
        ([1, 0, 2], [("step_through", "R7")]),  # held back until the next event
        ([0, 0, 3], [("step_through", "R7")]),
        ([1, 0, 1], []),  # lost: the checks of the answer report it
    ],
)
def test_steps_through_gates(
    tmp_path: Path, sends: list[int], found: list[tuple[str, str]]
) -> None:
    """The API's event n+1 leaves when gate n is open; the daemon passes on `sends` events."""
    sent = SentEvent(0.0, '{"choices":[{"index":0,"delta":{"content":"a"}}]}')
    upstream = Journal(now=(entry(events=(sent,) * 3),))

    async def serve(clients: list[socket.socket], _: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(clients[0], HEAD)
        for gate, count in enumerate(sends):
            while upstream.gates < gate:
                upstream.opened.clear()
                await upstream.opened.wait()
            await loop.sock_sendall(clients[0], EVENT * count)
        await loop.sock_sendall(clients[0], DONE)
        clients[0].shutdown(socket.SHUT_WR)

    async def scenario(exchange: Exchange) -> None:
        await exchange.step_through(2)
        response = await exchange.response()
        response.events_in_order().done_marker()

    exchange = play(tmp_path, serve, scenario, upstream=upstream, within=1.0)
    whole = sum(sends) == 3
    told = [("events_in_order", "R2")] if not whole else []
    assert [(each.check, cited(each)) for each in exchange.failures] == found + told
    assert upstream.gates == 2


def test_events_come_while_the_stream_runs(tmp_path: Path) -> None:
    """The daemon sends an event only after the client has confirmed the one before."""

    async def serve(clients: list[socket.socket], _: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(clients[0], HEAD)
        for _ in range(3):
            assert await loop.sock_recv(clients[0], 1) == b"."
            await loop.sock_sendall(clients[0], EVENT)
        clients[0].shutdown(socket.SHUT_WR)

    async def scenario(exchange: Exchange) -> None:
        assert (await exchange.head()).status == 200
        for number in (1, 2, 3):
            assert exchange.send(b".") == 1
            assert len(await exchange.events(number)) == number
        assert await exchange.ended() is Ending.EOF

    assert play(tmp_path, serve, scenario).failures == []


@pytest.mark.parametrize(
    ("serve", "upstream", "clause", "actual"),
    [
        (answer(), Journal(), "H1", "nothing arrived, then EOF"),
        (answer(), Journal(now=(entry(),)), "R2", "nothing arrived, then EOF"),
        (answer(HEAD), Journal(), "R2", "status 200, 0 events, then EOF"),
        (answer(HEAD + EVENT), Journal(), "R2", "status 200, 1 event, then EOF"),
    ],
)
def test_events_that_never_come(
    tmp_path: Path, serve: Serve, upstream: Journal, clause: str, actual: str
) -> None:
    async def scenario(exchange: Exchange) -> None:
        with pytest.raises(ScenarioStopped, match="at least 2 events") as raised:
            await exchange.events(2)
        assert raised.value.finding is exchange.failures[0]

    exchange = play(tmp_path, serve, scenario, upstream=upstream)
    (failure,) = exchange.failures
    assert (failure.check, cited(failure)) == ("events", clause)
    assert failure.actual.startswith(actual)


@pytest.mark.parametrize(
    ("upstream", "clause"), [(Journal(), "H1"), (Journal(now=(entry(),)), "R7")]
)
def test_a_silent_daemon_costs_the_deadline_and_no_more(
    tmp_path: Path, upstream: Journal, clause: str
) -> None:
    async def scenario(exchange: Exchange) -> None:
        with pytest.raises(ScenarioStopped):
            await exchange.head()
        assert time.monotonic() >= exchange.deadline
        with pytest.raises(ScenarioStopped):
            await exchange.events(1)
        assert await exchange.ended() is Ending.DEADLINE
        checks = await exchange.response()
        assert checks.response.transcript.ending is Ending.DEADLINE
        checks.no_error().done_marker()

    exchange = play(tmp_path, silence, scenario, upstream=upstream, within=0.05)
    assert [(each.check, cited(each)) for each in exchange.failures] == [
        ("head", clause),
        ("events", clause),
        ("no_error", clause),
    ]
    assert all("still open" in each.actual for each in exchange.failures)


def test_a_hang_shows_what_had_arrived(tmp_path: Path) -> None:
    async def serve(clients: list[socket.socket], data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(clients[0], HEAD + EVENT)
        await silence(clients, data)

    async def scenario(exchange: Exchange) -> None:
        await exchange.events(1)
        exchange.deadline = time.monotonic() + 0.05
        with pytest.raises(ScenarioStopped):
            await exchange.events(2)

    (failure,) = play(tmp_path, serve, scenario).failures
    assert cited(failure) == "R7"
    assert failure.actual.startswith("status 200, 1 event, and the connection is still open")
    assert failure.where.startswith(f"after event 1 at byte {len(HEAD)}")


def test_checks_and_exchange_share_their_failures(tmp_path: Path) -> None:
    async def scenario(exchange: Exchange) -> None:
        (await exchange.response()).done_marker()

    exchange = play(tmp_path, answer(HEAD + EVENT), scenario, upstream=Journal(now=(entry(),)))
    assert [each.check for each in exchange.failures] == ["done_marker"]


def test_a_daemon_that_is_not_there(tmp_path: Path) -> None:
    async def main() -> Exchange:
        exchange = exchange_with(tmp_path / "none.sock")
        async with exchange:
            with pytest.raises(ScenarioStopped, match="no socket at"):
                await exchange.start()
            assert (await exchange.finish()).response.transcript.reads == ()
        return exchange

    (failure,) = asyncio.run(main()).failures
    assert (failure.check, cited(failure)) == ("handoff", "H1")
    assert failure.expected == "the daemon takes the handoff"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((entry(End.CLIENT_GONE),), []),
        ((entry(End.RUNNING),), [("upstream_ended", "U5")]),
        ((), [("upstream_ended", "U1")]),
    ],
)
def test_upstream_ended(
    tmp_path: Path, entries: tuple[JournalEntry, ...], expected: list[tuple[str, str]]
) -> None:
    async def scenario(exchange: Exchange) -> None:
        exchange.reset()
        await exchange.upstream_ended(within=2.0)

    upstream = Journal(now=entries)
    exchange = play(tmp_path, silence, scenario, upstream=upstream, scale=1.5)
    assert [(each.check, cited(each)) for each in exchange.failures] == expected
    assert upstream.waits == [("T", "ended", 3.0)]


@pytest.mark.parametrize(
    ("entries", "pattern", "expected"),
    [
        ((entry(pattern="p"),), "p", []),
        ((entry(),), None, []),
        ((entry(),), "p", [("applied", "U1")]),
        ((), "p", [("applied", "H1")]),
    ],
)
def test_applied_reads_no_further(
    tmp_path: Path,
    entries: tuple[JournalEntry, ...],
    pattern: str | None,
    expected: list[tuple[str, str]],
) -> None:
    async def scenario(exchange: Exchange) -> None:
        await exchange.applied(pattern)
        assert exchange.seen().transcript.ending is Ending.DEADLINE

    exchange = play(tmp_path, silence, scenario, upstream=Journal(now=entries))
    assert [(each.check, cited(each)) for each in exchange.failures] == expected


def test_sockets_are_opened_inside_the_context_only(tmp_path: Path) -> None:
    async def main() -> None:
        exchange = exchange_with(tmp_path / "d.sock")
        with pytest.raises(RuntimeError, match="inside `async with` only"):
            await exchange.start()
        exchange.release()

    asyncio.run(main())
