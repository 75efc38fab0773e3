"""What costs memory: messages without end, and clients that do not read."""

import asyncio

from conformance.core.evidence import End
from conformance.core.scenario import scenario
from conformance.core.script import delta, endless, finished, repeat, script
from conformance.profiles.agent_chat.client import AgentBench, new_thread
from conformance.profiles.websocket.connection import Opcode

TOO_BIG = 'RFC 6455 10.4; c4punks/CWIST#161 "no reassembled-size cap"'
SLOW = 'can1357/oh-my-pi#4248 "unbounded bufferedAmount"'

MIB = 1 << 20

SENT = 64
"""MiB of one message: two thousand times what is allowed."""

GATHERED = 32 * MIB
"""By how much the process may grow meanwhile, which serves other clients as well."""

GROWTH = 8 * MIB
"""By how much a process may grow that serves nobody else."""

PIECE = delta("x" * 16_384)

HALF = 32
"""Pieces of half a MiB: an answer that may be kept whole while it is streamed."""

ANSWERS = 32
"""So many are read by one client while another reads nothing of what it is sent: a backend that
gathers that holds about as much in the end."""

WARM = 8
"""After so many, the kernel's buffers are full, and what any backend needs is there."""


@scenario(clause=("AC43", "AC48"), evidence=TOO_BIG)
async def endless_message(bench: AgentBench) -> None:
    """A message of many fragments that never ends is not gathered, and closed with 1009."""
    before = bench.memory
    async with bench.connect() as chat:
        chat.frame(Opcode.TEXT, b'"', fin=False)
        for _ in range(SENT):
            if chat.ended or chat.close_code is not None:
                break
            chat.frame(Opcode.CONT, b"x" * MIB, fin=False)
            await asyncio.sleep(0)
        await chat.pong(b"read")
        chat.expect(
            chat.close_code == 1009,
            check="close_code",
            clause="AC43",
            expected=f"1009, for a message of {SENT} MiB and more",
            actual=str(chat.close_code),
        )
        growth = bench.memory - before
        chat.expect(
            growth < GATHERED,
            check="memory",
            clause="AC48",
            expected=f"less than {GATHERED // MIB} MiB more, of {SENT} MiB that were sent",
            actual=f"{growth / MIB:.1f} MiB more",
        )
    async with bench.connect() as other:
        await other.works("AC44")


@scenario(clause="AC31", needs=("mock",), alone=True, evidence=SLOW)
async def slow_reader(bench: AgentBench) -> None:
    """A client that does not read costs no memory, and holds nobody up."""
    async with bench.connect() as slow, bench.connect() as other:
        token = slow.ask(new_thread(), pattern=await bench.script(script(endless(PIECE))))
        await slow.said(clause="AC3", expected="a token")
        slow.pause()
        before = 0
        pattern = await bench.script(finished(repeat(HALF, PIECE)))
        for number in range(ANSWERS):
            if number == WARM:
                before = bench.probe().rss
            thread = new_thread()  # what was said in one goes to the model again
            other.ask(thread, pattern=pattern)
            turn = await other.completes(thread, clause="AC31", unless="AC31")
            if not other.expect(
                len(turn.tokens) == HALF,
                check="other",
                clause="AC3",
                expected=f"{HALF} tokens for the other client",
                actual=str(len(turn.tokens)),
            ):
                return
        growth = bench.probe().rss - before
        other.expect(
            growth < GROWTH,
            check="memory",
            clause="AC31",
            expected=f"less than {GROWTH // MIB} MiB more, while another client reads "
            f"{(ANSWERS - WARM) // 2} MiB",
            actual=f"{growth / MIB:.1f} MiB more",
        )
        slow.reset()
        entries = await bench.upstream.wait(token, state="ended", within=bench.left, brief=True)
        other.expect(
            [each.end for each in entries] == [End.CLIENT_GONE],
            check="let_go",
            clause="AC30",
            expected="the endless request to the model is given up",
            actual=", ".join(each.end.value for each in entries),
        )
