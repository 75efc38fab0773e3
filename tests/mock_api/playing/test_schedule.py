"""Scripts laid out in time."""

from __future__ import annotations

from mock_api.language.script import Script
from mock_api.language.sse import Dispatch
from mock_api.language.steps import Cut, Gate, Stall, Unit, Wait, Write
from mock_api.playing.schedule import Piece, lay_out


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
