"""What costs memory or patience: endless messages, slow readers, silent models, SIGTERM."""

from __future__ import annotations

import asyncio

from websockets.frames import Opcode

from conformance.core.finding import FindingKind
from conformance.core.script import delta, endless, finished, gate, repeat, script
from conformance.profiles.websocket.bench import ChatBench
from conformance.profiles.websocket.checking import OWN
from conformance.profiles.websocket.sharing import shared

TOO_BIG = 'RFC 6455 10.4; c4punks/CWIST#161 "no reassembled-size cap"'
SLOW = 'can1357/oh-my-pi#4248 "unbounded bufferedAmount"'
IDLE = 'Menci/Floway#57 "idle disconnect"'
CODES = 'RFC 6455 7.4.1; nats-io/nats-server#6259 "sends 1005 or 1006"'

MIB = 1 << 20

SENT = 64
"""MiB of one message: four times the largest limit that frameworks have by default (16 MiB)."""

GATHERED = 32
"""MiB by which the process may grow meanwhile: a buffer of the largest limit, and its copy."""

GROWTH = 8
"""MiB by which a process may grow while it serves one client well and another does not read."""

PIECE = delta("x" * 16_384)

HALF = 32
"""Pieces of half a MiB: an answer that a backend may keep whole while it streams it."""

ANSWERS = 32
"""Answers that one client reads while another does not: a backend that keeps everything for the
second holds about as much in the end."""

WARM = 8
"""Answers after which the kernel's buffers are full, and the backend has all that it needs."""


async def endless_message(bench: ChatBench) -> None:
    """Check that a message of fragments without end is not kept, and closed with 1009.

    The findings are OVERSIZE and UNBOUNDED.
    """
    async with bench.connect() as chat:
        await chat.begin()
        before = bench.memory
        chat.frame(Opcode.TEXT, b'"', fin=False)
        for _ in range(SENT):
            if chat.ended or chat.close_code is not None:
                break
            chat.frame(Opcode.CONT, b"x" * MIB, fin=False)
            await asyncio.sleep(0)
        if not chat.ended and chat.close_code is None:
            chat.ping(b"read?")
        await chat.until(lambda: chat.close_code is not None or bool(chat.pongs))
        chat.check(
            chat.close_code == 1009,
            "close_code",
            expected=f"1009, for a message of {SENT} MiB and more",
            actual=str(chat.close_code),
            kind=FindingKind.OVERSIZE,
        )
        growth = (bench.memory - before) / MIB
        chat.check(
            growth < GATHERED,
            "memory",
            expected=f"less than {GATHERED} MiB more, of {SENT} MiB that were sent",
            actual=f"{growth:.1f} MiB more",
            kind=FindingKind.UNBOUNDED,
        )


async def slow_reader(bench: ChatBench, *, held_up: str = OWN) -> None:
    """Check that a client that does not read costs little memory, and delays no other client.

    held_up: the clause that a delay breaks, where it is not the scenario's first.
    """
    async with bench.connect() as slow, bench.connect() as other:
        await slow.prepare()
        await other.prepare()
        token = await slow.prompt(pattern=await bench.script(script(endless(PIECE))))
        await slow.pieces(1)
        slow.pause()
        before = 0
        pattern = await bench.script(finished(repeat(HALF, PIECE)))
        for number in range(ANSWERS):
            if number == WARM:
                before = bench.probe().rss
            answer = await other.alone(pattern, clause=held_up)
            other.require(
                len(answer.pieces) == HALF,
                "other",
                expected=f"{HALF} pieces for the other client",
                actual=str(len(answer.pieces)),
                kind=FindingKind.TEXT,
            )
        growth = (bench.probe().rss - before) / MIB
        other.check(
            growth < GROWTH,
            "memory",
            expected=f"less than {GROWTH} MiB more, while another client reads "
            f"{(ANSWERS - WARM) // 2} MiB",
            actual=f"{growth:.1f} MiB more",
        )
        slow.reset()
        await bench.model.let_go(token)


@shared(needs=("mock",), evidence=IDLE)
async def outlasts_silence(bench: ChatBench) -> None:
    """The backend waits for a silent model, and goes on (`--silence` sets how long)."""
    silence = bench.environment.silence
    bench.deadline += silence
    async with bench.connect() as chat:
        await chat.prepare()
        pauses = finished(delta("Hm. "), gate(1), delta("Yes."))
        token = await chat.prompt(pattern=await bench.script(pauses))
        await chat.pieces(1)
        await chat.stays_open(silence)
        await bench.model.open_gate(token, 1)
        answer = await chat.answer(clause=OWN)
        chat.check(answer.pieces == ["Yes."], "goes_on", expected="Yes.", actual=str(answer.pieces))
