"""The WebSocket protocol itself, on a connection with a model behind it (RFC 6455)."""

from __future__ import annotations

import struct
from collections.abc import Callable

from websockets.frames import Opcode

from conformance.core.finding import FindingKind
from conformance.profiles.websocket.bench import ChatBench
from conformance.profiles.websocket.chat import Chat
from conformance.profiles.websocket.connection import Received
from conformance.profiles.websocket.conversation import Conversation
from conformance.profiles.websocket.sharing import shared

UTF8 = (
    'RFC 6455 5.6, 8.1; ballerina-platform/ballerina-lang#12695, freeunitorg/freeunit#378 "no 1007"'
)
FRAMES = 'RFC 6455 5.1-5.5; actix/actix-web#1579 "fails RSV case", 7etsuo/tetsuo-pulse#3473'
PING = "RFC 6455 5.5.2; playframework/playframework#14124"
CLOSE = 'RFC 6455 5.5.1; mrniko/netty-socketio#560 "process CloseFrame"'
CODES = 'RFC 6455 7.4.1; nats-io/nats-server#6259 "sends 1005 or 1006", lightpanda-io/browser#2978'
WRITERS = 'gorilla/websocket#390, iotexproject/iotex-core#3907 "concurrent write panic"'

RESERVED = (1004, 1005, 1006, 1015)
"""Codes that must not stand in a close frame."""

ODD_CODES = (0, 999, 1005, 1006, 1015, 3000)
"""Codes that a client closes with; all but the last must not stand in a close frame."""

NOT_UTF8 = (b'{"type": "\xff"}', b"\xc0\xaf", b"\xed\xa0\x80", b"half \xf0\x9f\x8c")

_BROKEN: dict[str, Callable[[Chat], None]] = {
    "RSV1 without an extension": lambda chat: chat.frame(Opcode.TEXT, b"{}", rsv1=True),
    "an unmasked frame": lambda chat: chat.frame(Opcode.TEXT, b"{}", mask=False),
    "a continuation of nothing": lambda chat: chat.frame(Opcode.CONT, b"{}"),
    "a ping of 126 bytes": lambda chat: chat.ping(bytes(126)),
    "a fragment of a ping": lambda chat: chat.frame(Opcode.PING, b"", fin=False),
    "an unknown opcode": lambda chat: chat.raw(b"\x83\x80\0\0\0\0"),
}


@shared(evidence=UTF8)
async def invalid_utf8(bench: ChatBench) -> None:
    """The backend closes with 1007 on text that is not UTF-8."""
    for data in NOT_UTF8:
        async with bench.connect() as chat:
            await chat.begin()
            chat.frame(Opcode.TEXT, data)
            # A connection that stays open has used up all the time.
            if not await chat.closes_with(1007, f"for {data!r}"):
                return


@shared(evidence=FRAMES)
async def broken_frames(bench: ChatBench) -> None:
    """The backend closes with 1002 on each frame that breaks the protocol."""
    for what, send in _BROKEN.items():
        async with bench.connect() as chat:
            await chat.begin()
            send(chat)
            if not await chat.closes_with(1002, f"for {what}"):
                return


@shared(needs=("mock",), evidence=PING)
async def ping_during_answer(chat: Conversation) -> None:
    """The backend answers a ping during an answer, and then finishes the answer."""
    await chat.prepare()
    token = await chat.prompt(pattern="gated:1")
    await chat.pieces(1)
    await answers_ping(chat, b"still there?")
    await chat.model.open_gate(token, 1)
    await chat.answer()


@shared(evidence=PING)
async def ping_between_fragments(chat: Conversation) -> None:
    """The backend answers a ping between two fragments, before the message is complete."""
    await chat.begin()
    data = chat.fence_text().encode()
    chat.frame(Opcode.TEXT, data[:5], fin=False)
    await answers_ping(chat, bytes(range(125)))
    chat.frame(Opcode.CONT, data[5:])
    await chat.fence()


async def answers_ping(chat: Chat, payload: bytes) -> None:
    """Check that the first pong of a connection has this payload. Raises ScenarioStopped."""
    await chat.pong(payload)
    chat.require(
        chat.pongs == [payload],
        "pong",
        expected=f"one pong with {payload!r}",
        actual=f"{chat.pongs}",
        kind=FindingKind.NO_PONG,
    )


async def answers_pings(chat: Chat, sent: list[bytes]) -> None:
    """Check the pongs to these pings, which were sent during an answer."""
    await chat.until(lambda: sent[-1] in chat.pongs)
    pongs = chat.pongs
    # A pong may stand for all pings before it (RFC 6455 5.5.3), so some may be missing.
    chat.check(
        set(pongs) <= set(sent) and pongs[-1:] == sent[-1:] and not chat.violation,
        "pongs",
        expected="pongs for these pings, the last one's included, in whole frames",
        actual=chat.violation or f"{len(pongs)} pongs, {len(chat.messages)} messages",
    )


@shared(evidence=CLOSE)
async def close_idle(chat: Conversation) -> None:
    """The backend answers a close with a close."""
    await chat.begin()
    await _echoes_close(chat)


@shared(needs=("mock",), evidence=CLOSE)
async def close_during_answer(chat: Conversation) -> None:
    """The backend answers a close during an answer, sends nothing more, and stops the model."""
    await chat.prepare()
    token = await chat.prompt(pattern="drip:5+stall:1000")
    await chat.pieces(2)
    await _echoes_close(chat)
    await chat.model.let_go(token)


async def _echoes_close(chat: Chat) -> None:
    code = await chat.close()
    last = chat.received[-1].opcode.name if chat.received else "none"
    chat.check(
        code == 1000 and last == Opcode.CLOSE.name,
        "close",
        expected="a close frame with 1000, and nothing after it",
        actual=f"{code}, the last frame: {last}",
    )


@shared(evidence=CODES)
async def close_codes(bench: ChatBench) -> None:
    """The backend answers each close code of a client without a reserved code."""
    for data in (b"", *(struct.pack("!H", code) for code in ODD_CODES)):
        async with bench.connect() as chat:
            await chat.begin()
            chat.frame(Opcode.CLOSE, data)
            await chat.closed()
            closes = [frame for frame in chat.received if frame.opcode is Opcode.CLOSE]
            chat.check(
                len(closes) == 1 and chat.ended and not _reserved(closes[0]),
                "close_code",
                expected=f"one close frame, in answer to {data!r}, without a reserved code",
                actual=" ".join(repr(frame.data) for frame in closes) or "none",
            )


def _reserved(frame: Received) -> bool:
    code = struct.unpack("!H", frame.data[:2])[0] if frame.data else 1000
    return code < 1000 or code in RESERVED
