"""Lines that come back."""

from __future__ import annotations

from conformance import scenario
from tiny_profile.bench import EchoBench


@scenario(clause="T1")
async def line_returns(bench: EchoBench) -> None:
    """The daemon returns a line of text."""
    answer = await bench.ask(b"hello\n")
    bench.check(answer == b"hello\n", "echoed", expected="hello", actual=repr(answer))


@scenario(clause="T2", alone=True)
async def second_line_returns(bench: EchoBench) -> None:
    """The daemon returns lines on two connections, in an instance of its own."""
    for line in (b"one\n", b"two\n"):
        answer = await bench.ask(line)
        bench.check(answer == line, "echoed", expected=repr(line), actual=repr(answer))
