"""Exchanges with a daemon on real sockets, well-behaved and not."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from miniature_daemon import Serve, miniature_daemon

from conformance.core.evidence import End, Ending, JournalEntry, SentEvent
from conformance.core.finding import Finding, ScenarioStopped
from conformance.core.socket_type import SocketType
from conformance.profiles.handoff.client_pair import ClientKind, pair
from conformance.profiles.handoff.opening import Delivery, HandedOff
from conformance.profiles.handoff.payload import encode
from conformance.profiles.handoff.profile import PROFILE
from conformance.profiles.relay.exchange import Exchange

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
EVENT = b'data: {"content":"a"}\n\n'
DONE = b"data: [DONE]\n\n"

KINDS = pytest.mark.parametrize("client", list(ClientKind))


def entry(end: End = End.FINISHED, **changes: Any) -> JournalEntry:
    given: dict[str, Any] = {
        "id": 1,
        "token": "T",
        "pattern": None,
        "source": "prompt",
        "key": "k",
        "authorized": True,
        "protocol": "http/1.1",
        "transport": "tcp",
        "connection": 1,
        "stream": None,
        "method": "POST",
        "path": "/v1/chat/completions",
        "headers": (),
        "body": b"{}",
        "received_at": 0.0,
        "status": 200,
        "bytes_sent": 0,
        "events": (),
        "end": end,
        "ended_at": None,
    }
    return JournalEntry(**{**given, **changes})


@dataclass
class Journal:
    """The upstream side as the tests want it to look: before a wait, and after it."""

    now: tuple[JournalEntry, ...] = ()
    later: tuple[JournalEntry, ...] | None = None
    waits: list[tuple[str, str, float]] = field(default_factory=list)
    gates: int = 0
    """The gates that were opened."""
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def open_gate(self, token: str, count: int) -> None:
        self.gates = count
        self.opened.set()

    async def journal(self, token: str) -> tuple[JournalEntry, ...]:
        return tuple(each for each in self.now if each.token == token)

    async def wait(
        self,
        token: str,
        *,
        state: Literal["received", "ended"],
        within: float,
        brief: bool = False,
    ) -> tuple[JournalEntry, ...]:
        self.waits.append((token, state, within))
        return self.now if self.later is None else self.later


def cited(finding: Finding) -> str | None:
    """The clause that the profile `handoff` blames."""
    return finding.clause or (finding.kind and PROFILE.blame[finding.kind])


def exchange_with(
    path: Path,
    *,
    socket_type: SocketType = SocketType.SEQPACKET,
    payload: dict[str, Any] | bytes = b"{}",
    upstream: Journal | None = None,
    within: float = 10.0,
    scale: float = 1.0,
    read_size: int = 65536,
    keep_copy: bool = False,
    **client: Any,
) -> Exchange:
    """An exchange that is handed over to the daemon on this path."""
    opening = HandedOff(
        path,
        socket_type=socket_type,
        payload=payload if isinstance(payload, bytes) else encode(payload),
        pair_options=client,
        delivery=Delivery(keep_copy=keep_copy),
    )
    return Exchange(
        opening,
        token="T",
        upstream=upstream or Journal(),
        deadline=time.monotonic() + within,
        scale=scale,
        read_size=read_size,
    )


def play(
    path: Path,
    serve: Serve,
    scenario: Callable[[Exchange], Awaitable[None]],
    *,
    upstream: Journal | None = None,
    socket_type: SocketType = SocketType.SEQPACKET,
    within: float = 10.0,
    **options: Any,
) -> Exchange:
    """Play a scenario against a miniature daemon; the exchange is returned, released."""
    pair().close()  # the process's one listener stays
    before = len(os.listdir("/proc/self/fd"))

    async def main() -> Exchange:
        async with miniature_daemon(path / "d.sock", socket_type, serve):
            exchange = exchange_with(
                path / "d.sock",
                socket_type=socket_type,
                payload={"prompt": "hi"},
                upstream=upstream,
                within=within,
                **options,
            )
            async with exchange:
                await exchange.start()
                await scenario(exchange)
            return exchange

    exchange = asyncio.run(main())
    assert len(os.listdir("/proc/self/fd")) == before, "an exchange leaves no descriptor"
    return exchange


def answer(*parts: bytes) -> Serve:
    """A daemon that sends these parts and ends the connection as the contract asks."""

    async def serve(clients: list[socket.socket], _: bytes) -> None:
        for part in parts:
            await asyncio.get_running_loop().sock_sendall(clients[0], part)
        clients[0].shutdown(socket.SHUT_WR)

    return serve


async def silence(_: list[socket.socket], __: bytes) -> None:
    await asyncio.Event().wait()


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
        ([1, 0, 1], []),  # lost: the checks of the answer tell
    ],
)
def test_steps_through_gates(
    tmp_path: Path, sends: list[int], found: list[tuple[str, str]]
) -> None:
    """The API's event n+1 leaves when gate n is open; the daemon passes on what `sends` says."""
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
            with pytest.raises(ScenarioStopped, match="there is no socket"):
                await exchange.start()
            assert (await exchange.finish()).response.transcript.reads == ()
        return exchange

    (failure,) = asyncio.run(main()).failures
    assert (failure.check, cited(failure)) == ("handoff", "H1")
    assert failure.expected == "the daemon takes the handoff"


async def _farewell(client: socket.socket) -> str:
    """How a client leaves, as a daemon sees it."""
    try:
        while await asyncio.get_running_loop().sock_recv(client, 4096):
            pass
    except ConnectionResetError:
        return "reset"
    return "eof"


@KINDS
@pytest.mark.parametrize("leave", ["close", "reset", "half_close"])
def test_leaving(tmp_path: Path, client: ClientKind, leave: str) -> None:
    async def main() -> tuple[str, Exchange]:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def serve(clients: list[socket.socket], _: bytes) -> None:
            await asyncio.get_running_loop().sock_sendall(clients[0], HEAD + EVENT)
            told.set_result(await _farewell(clients[0]))
            if leave == "half_close":
                await answer(DONE)(clients, b"")

        async with miniature_daemon(tmp_path / "d.sock", SocketType.SEQPACKET, serve):
            exchange = exchange_with(tmp_path / "d.sock", client=client)
            async with exchange:
                await exchange.start()
                await exchange.events(1)
                getattr(exchange, leave)()
                seen = await exchange.finish()
                half = leave == "half_close"
                assert seen.response.transcript.ending is (Ending.EOF if half else Ending.LEFT)
                assert len(seen.response.events) == 1 + half
            return await told, exchange

    told, exchange = asyncio.run(main())
    assert told == ("reset" if leave == "reset" and client is ClientKind.TCP else "eof")
    exchange.close()  # leaving twice is no error
    exchange.reset()


def test_a_reset_by_the_daemon_is_one(tmp_path: Path) -> None:
    async def serve(clients: list[socket.socket], _: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(clients[0], HEAD + EVENT)
        # Closing over unread input resets the connection: the mistake that R8 forbids.
        await loop.sock_recv(clients[0], 1)

    async def scenario(exchange: Exchange) -> None:
        await exchange.events(1)
        exchange.send(b"..")
        checks = await exchange.response()
        assert checks.response.transcript.ending is Ending.RESET
        checks.ended()

    exchange = play(tmp_path, serve, scenario, upstream=Journal(now=(entry(),)))
    assert [(each.check, cited(each)) for each in exchange.failures] == [("ended", "R8")]


def test_a_paused_client_reads_nothing_and_then_everything(tmp_path: Path) -> None:
    async def main() -> None:
        stuck = asyncio.Event()

        async def serve(clients: list[socket.socket], _: bytes) -> None:
            data = HEAD + EVENT * 40_000 + DONE
            while data:
                try:
                    data = data[clients[0].send(data) :]
                except BlockingIOError:
                    stuck.set()
                    await asyncio.get_running_loop().sock_sendall(clients[0], data)
                    break
            clients[0].shutdown(socket.SHUT_WR)

        async with (
            miniature_daemon(tmp_path / "d.sock", SocketType.SEQPACKET, serve),
            exchange_with(
                tmp_path / "d.sock", within=20, receive_buffer=4096, send_buffer=4096
            ) as exchange,
        ):
            await exchange.start()
            await exchange.head()
            exchange.pause()
            exchange.pause()
            await stuck.wait()
            before = len(exchange.seen().transcript.raw)
            await asyncio.sleep(0)
            assert len(exchange.seen().transcript.raw) == before
            exchange.sip(7)
            assert len(exchange.seen().transcript.raw) == before + 7
            exchange.resume()
            seen = (await exchange.finish()).response
            assert len(seen.events) == 40_001
            assert seen.violations == ()

    asyncio.run(main())


def test_a_client_that_sips(tmp_path: Path) -> None:
    async def scenario(exchange: Exchange) -> None:
        reads = (await exchange.finish()).response.transcript.reads
        assert {len(read.data) for read in reads[:-1]} == {7}
        assert b"".join(read.data for read in reads) == HEAD + EVENT + DONE

    play(tmp_path, answer(HEAD + EVENT + DONE), scenario, read_size=7)


@pytest.mark.parametrize("keep_copy", [True, False])
def test_a_kept_copy_hides_a_close_that_is_no_shutdown(tmp_path: Path, keep_copy: bool) -> None:
    async def serve(clients: list[socket.socket], _: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(clients[0], HEAD + DONE)

    async def scenario(exchange: Exchange) -> None:
        await exchange.events(1)
        if keep_copy:
            exchange.deadline = time.monotonic() + 0.1
        assert await exchange.ended() is (Ending.DEADLINE if keep_copy else Ending.EOF)

    play(tmp_path, serve, scenario, keep_copy=keep_copy)


def test_the_client_may_be_gone_before_the_handoff(tmp_path: Path) -> None:
    async def main() -> None:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def serve(clients: list[socket.socket], _: bytes) -> None:
            told.set_result(await _farewell(clients[0]))

        async with (
            miniature_daemon(tmp_path / "d.sock", SocketType.SEQPACKET, serve),
            exchange_with(tmp_path / "d.sock") as exchange,
        ):
            exchange.reset()
            await exchange.start()
            assert await told == "reset"
            assert (await exchange.finish()).response.transcript.ending is Ending.LEFT

    asyncio.run(main())


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
