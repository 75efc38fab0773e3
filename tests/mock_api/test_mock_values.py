"""The parts without I/O: events in a body, scripts laid out in time, the wheel."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from mock_api.http1.response import compile_response
from mock_api.language.script import Ending, Framing, Informational, Script
from mock_api.language.sse import Assembler, Dispatch
from mock_api.language.steps import Cut, Gate, Raw, Stall, Unit, Wait, Write
from mock_api.playing.schedule import Piece, lay_out
from mock_api.playing.timer_wheel import TimerWheel

STREAMS = [
    (b"data: a\n\n", [(9, "a")]),
    (b"data: a\n\ndata: b\n\n", [(9, "a"), (18, "b")]),
    (b"data: a\n", []),
    (b"data: a", []),
    (b"data: a\r\n\r\n", [(10, "a")]),
    (b"data: a\r\r", [(9, "a")]),
    (b"data: a\r\n\n", [(10, "a")]),
    (b"data:a\ndata:  b\n\n", [(17, "a\n b")]),
    (b"data\n\n", []),
    (b"data\ndata\n\n", [(11, "\n")]),
    (b": comment\n\n\n", []),
    (b"event: x\nid: 1\n\n", []),
    (b"event: error\ndata: {}\n\n", [(23, "{}")]),
    (b"\xef\xbb\xbfdata: a\n\n", [(12, "a")]),
    (b"\n\xef\xbb\xbfdata: a\n\n", []),
    ("data: é\u2028\x85\x0b\x0c\n\n".encode(), [(17, "é\u2028\x85\x0b\x0c")]),
    (b"data: \xff\n\n", [(9, "\ufffd")]),
    (b"data : a\n\n", []),
    (b"DATA: a\n\n", []),
]


@pytest.mark.parametrize(("body", "expected"), STREAMS)
def test_events_as_a_receiver_assembles_them(body: bytes, expected: list[tuple[int, str]]) -> None:
    assert [(end, event.data) for end, event in Assembler().feed(body)] == expected


@pytest.mark.parametrize(("body", "expected"), STREAMS)
def test_an_event_is_there_with_its_last_byte_and_not_before(
    body: bytes, expected: list[tuple[int, str]]
) -> None:
    for size in range(len(body) + 1):
        complete = [data for end, data in expected if end <= size]
        assert [event.data for _, event in Assembler().feed(body[:size])] == complete


@pytest.mark.parametrize(("body", "expected"), STREAMS)
def test_events_do_not_depend_on_how_the_body_is_cut(
    body: bytes, expected: list[tuple[int, str]]
) -> None:
    assembler = Assembler()
    found = [
        (at + end, event.data)
        for at in range(len(body))
        for end, event in assembler.feed(body[at : at + 1])
    ]
    assert found == expected


def test_an_event_is_a_message_unless_it_says_otherwise() -> None:
    body = b"event: ping\ndata: 1\n\ndata: 2\n\nevent: ping\n\ndata: 3\n\nevent\ndata: 4\n\n"
    types = [event.type for _, event in Assembler().feed(body)]
    assert types == [
        "ping",
        "message",
        "message",
        "message",
    ]


def test_bursts_and_what_must_pass_before_them() -> None:
    script = Script(
        steps=(
            Write(b"data: a\n"),
            Write(b"\ndata: b"),
            Wait(0.5),
            Write(b"\n\n"),
            Gate(3),
            Cut(),
            Unit((Write(b"data"), Wait(1.0), Write(b": c\n\n"))),
            Stall(),
        )
    )
    events: list[Dispatch] = []
    bursts = list(lay_out(script, events, {}))
    assert [event.data for event in events] == ["a", "b", "c"]
    assert [(burst.wait, burst.gate, burst.stall) for burst in bursts] == [
        (0.0, 0, False),
        (0.5, 0, False),
        (0.0, 3, False),
        (0.0, 0, False),
        (1.0, 0, False),
        (0.0, 0, True),
    ]
    assert [burst.pieces for burst in bursts] == [
        [Piece(b"data: a\n", 8, True, ()), Piece(b"\ndata: b", 8, True, (1,))],
        [Piece(b"\n\n", 2, True, (2,))],
        [],
        [Piece(b"data", 9, False, ())],
        [Piece(b": c\n\n", 0, True, (5,))],
        [],
    ]


def test_http1_bytes() -> None:
    script = Script(steps=(Unit((Write(b"da"), Cut(), Write(b"ta:x\n\n"))), Write(b"!")))
    response = compile_response(script, keep_alive=True, chunks=True, body=True)
    assert response.schedule.kept is not None
    first, second = response.schedule.kept
    assert first.data == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\nda"
    assert second.data == b"ta:x\n\n\r\n1\r\n!\r\n0\r\n\r\n"
    assert second.marks == (6,)
    assert not response.close


def _http1(script: Script) -> list[bytes]:
    response = compile_response(script, keep_alive=True, chunks=True, body=True)
    return [segment.data for segment in response.schedule.play()[0]]


def test_raw_http1_bytes() -> None:
    steps = (Raw(b"5;a=b\r\n"), Write(b"x"), Gate(1), Raw(b"junk"))
    headers = (("content-length", "5"),)
    assert _http1(Script(steps=steps, framing=Framing.RAW, headers=headers)) == [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n5;a=b\r\nx",
        b"junk",
    ]
    chunked = Script(steps=(Write(b"x"), Raw(b"zz\r\n")), trailers=(("x-sum", "1"),))
    assert _http1(chunked)[0].endswith(b"\r\n\r\n1\r\nx\r\nzz\r\n0\r\nx-sum: 1\r\n\r\n")


def test_heads_of_http1() -> None:
    steps = (Write(b"x"),)
    own = Script(steps=steps, head=b"HTTP/1.0 200\r\n\r\n", framing=Framing.CLOSE)
    assert _http1(own) == [b"HTTP/1.0 200\r\n\r\nx"]
    assert _http1(Script(head=b"", framing=Framing.RAW)) == [b""]
    hints = Informational(103, (("link", "a"),))
    assert _http1(Script(informational=(Informational(100), hints), framing=Framing.LENGTH)) == [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    ]


def test_an_aborted_response_has_no_end() -> None:
    script = Script(steps=(Write(b"x"),), ending=Ending.ABORT)
    response = compile_response(script, keep_alive=True, chunks=True, body=True)
    (segment,) = response.schedule.play()[0]
    assert segment.data.endswith(b"1\r\nx\r\n")
    assert response.close


class _Timed:
    def __init__(self, period: float, times: int) -> None:
        self.period = period
        self.left = times
        self.due = monotonic() + period
        self.late: list[float] = []
        self.done = asyncio.Event()

    def advance(self, now: float) -> float | None:
        assert now >= self.due, "before its time"
        while self.left and self.due <= now:
            self.late.append(now - self.due)
            self.due += self.period
            self.left -= 1
        if self.left:
            return self.due
        self.done.set()
        return None


def test_the_wheel_is_never_early_and_forgets_no_one() -> None:
    async def turn() -> list[_Timed]:
        wheel = TimerWheel()
        timed = [_Timed(0.0013 * (1 + number % 7), 10) for number in range(50)]
        for each in timed:
            wheel.add(each, each.due)
        for each in timed:
            await each.done.wait()
        return timed

    timed = asyncio.run(turn())
    assert all(len(each.late) == 10 for each in timed)


def test_the_wheel_turns_for_a_deadline_that_comes_before_the_others() -> None:
    async def turn() -> None:
        wheel = TimerWheel()
        late, soon = _Timed(60.0, 1), _Timed(0.001, 1)
        wheel.add(late, late.due)
        wheel.add(soon, soon.due)
        await soon.done.wait()
        assert late.left

    asyncio.run(asyncio.wait_for(turn(), 5))


def test_a_stream_that_fails_does_not_stop_the_wheel() -> None:
    class Broken:
        def advance(self, now: float) -> float | None:
            raise RuntimeError("broken")

    async def turn() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        wheel = TimerWheel()
        timed = _Timed(0.003, 3)
        wheel.add(Broken(), monotonic())
        wheel.add(timed, timed.due)
        await timed.done.wait()

    asyncio.run(asyncio.wait_for(turn(), 5))
