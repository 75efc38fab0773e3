"""What costs memory: messages without end, and clients that do not read."""

import asyncio

from conformance.client.agent_chat import AgentBench, new_thread
from conformance.client.websocket import Opcode
from conformance.evidence import End
from conformance.scenario import scenario
from conformance.script import delta, endless, finished, repeat, script

TOO_BIG = 'RFC 6455 10.4; c4punks/CWIST#161 "no reassembled-size cap"'
SLOW = 'can1357/oh-my-pi#4248 "unbounded bufferedAmount"'

MIB = 1 << 20

SENT = 32
"""MiB of one message: a thousand times what is allowed."""

GROWTH = 24 * MIB
"""By how much the process may grow while one client reads 32 MiB and one reads nothing."""

PIECE = delta("x" * 65_536)

READ = 512
"""Pieces that another client reads while one does not: 32 MiB."""


@scenario(clause="AC43", evidence=TOO_BIG)
async def endless_message(bench: AgentBench) -> None:
    """A message of many fragments that never ends is closed with 1009."""
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
    async with bench.connect() as other:
        await other.works("AC44")


@scenario(clause="AC31", needs=("mock",), alone=True, evidence=SLOW)
async def slow_reader(bench: AgentBench) -> None:
    """A client that does not read costs no memory, and holds nobody up."""
    async with bench.connect() as slow, bench.connect() as other:
        await other.works("AC6")
        before = bench.probe().rss
        token = slow.ask(new_thread(), pattern=await bench.script(script(endless(PIECE))))
        await slow.said(clause="AC3", expected="a token")
        slow.pause()
        thread = new_thread()
        other.ask(thread, pattern=await bench.script(finished(repeat(READ, PIECE))))
        turn = await other.completes(thread, clause="AC31", unless="AC31")
        growth = bench.probe().rss - before
        other.expect(
            growth < GROWTH,
            check="memory",
            clause="AC31",
            expected=f"less than {GROWTH // MIB} MiB more, while another reads {READ // 16} MiB",
            actual=f"{growth / MIB:.1f} MiB more",
        )
        other.expect(
            len(turn.tokens) == READ,
            check="other",
            clause="AC3",
            expected=f"{READ} tokens for the other client",
            actual=str(len(turn.tokens)),
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
