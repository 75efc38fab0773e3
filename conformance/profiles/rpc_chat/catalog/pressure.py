"""What costs memory: messages without end, and clients that do not read."""

import asyncio

from conformance.core.scenario import scenario
from conformance.core.script import delta, endless, finished, repeat, script
from conformance.profiles.rpc_chat.client import RpcBench
from conformance.profiles.websocket.connection import Opcode

TOO_BIG = 'RFC 6455 10.4; c4punks/CWIST#161 "no reassembled-size cap"'
SLOW = 'can1357/oh-my-pi#4248 "unbounded bufferedAmount"'

MIB = 1 << 20

SENT = 32
"""MiB of one message: more than any client needs to say."""

GROWTH = 8 * MIB
"""By how much the process may grow meanwhile."""

PIECE = delta("x" * 16_384)

HALF = 32
"""Pieces of half a MiB: an answer that may be kept whole while it is streamed."""

ANSWERS = 32
"""So many are read by one client while another reads nothing of what it is sent: a backend that
gathers that holds about as much in the end."""

WARM = 8
"""After so many, the kernel's buffers are full, and what any backend needs is there."""


@scenario(clause=("RC43", "RC44"), alone=True, evidence=TOO_BIG)
async def pressure_endless_message(bench: RpcBench) -> None:
    """A message of many fragments that never ends is not gathered, and closed with 1009."""
    async with bench.connect() as chat:
        await chat.greeted()
        before = bench.probe().rss
        chat.frame(Opcode.TEXT, b'"', fin=False)
        for _ in range(SENT):
            if chat.ended or chat.close_code is not None:
                break
            chat.frame(Opcode.CONT, b"x" * MIB, fin=False)
            await asyncio.sleep(0)
        chat.ping(b"read?")
        await chat.until(
            lambda: (
                chat.close_code is not None
                or any(each.opcode is Opcode.PONG for each in chat.received)
            )
        )
        growth = bench.probe().rss - before
        chat.expect(
            growth < GROWTH,
            check="memory",
            clause="RC43",
            expected=f"less than {GROWTH // MIB} MiB more, of {SENT} MiB that were sent",
            actual=f"{growth / MIB:.1f} MiB more",
        )
        chat.expect(
            chat.close_code == 1009,
            check="close_code",
            clause="RC44",
            expected="1009",
            actual=str(chat.close_code),
        )


@scenario(clause=("RC43", "RC17"), needs=("mock",), alone=True, evidence=SLOW)
async def pressure_slow_reader(bench: RpcBench) -> None:
    """A client that does not read costs no memory, and holds nobody up."""
    async with bench.connect() as slow, bench.connect() as other:
        await slow.staged()
        await other.staged()
        slow.prompt(pattern=await bench.script(script(endless(PIECE))))
        await slow.chunks(1)
        slow.pause()
        before = 0
        pattern = await bench.script(finished(repeat(HALF, PIECE)))
        for number in range(ANSWERS):
            if number == WARM:
                before = bench.probe().rss
            await other.command("/session new")  # what was said goes to the model again, else
            other.prompt(pattern=pattern)
            answer = await other.answer(clause=None if number else "RC17")
            await other.command(f"/session delete {other.session}")  # kept in memory, elsewhere
            if not other.expect(
                len(answer.chunks) == HALF,
                check="other",
                clause="RC17",
                expected=f"{HALF} chunks for the other client",
                actual=str(len(answer.chunks)),
            ):
                break
        growth = bench.probe().rss - before
        other.expect(
            growth < GROWTH,
            check="memory",
            clause="RC43",
            expected=f"less than {GROWTH // MIB} MiB more, while another client reads 12 MiB",
            actual=f"{growth / MIB:.1f} MiB more",
        )
