"""The WebSocket protocol itself, on a connection that talks (RFC 6455)."""

import json
import struct
from collections.abc import Callable

from conformance.core.quoting import plural
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, repeat, wait
from conformance.profiles.agent_chat.client import (
    FENCE,
    TERMINAL,
    AgentBench,
    AgentChat,
    new_thread,
    users,
)
from conformance.profiles.websocket.chat import new_token
from conformance.profiles.websocket.connection import Opcode, Received

UTF8 = (
    'RFC 6455 5.6, 8.1; ballerina-platform/ballerina-lang#12695, freeunitorg/freeunit#378 "no 1007"'
)
FRAMES = 'RFC 6455 5.1-5.5; actix/actix-web#1579 "fails RSV case", 7etsuo/tetsuo-pulse#3473'
PING = "RFC 6455 5.5.2; playframework/playframework#14124"
CLOSE = 'RFC 6455 5.5.1; mrniko/netty-socketio#560 "process CloseFrame"'
CODES = 'RFC 6455 7.4.1; nats-io/nats-server#6259 "sends 1005 or 1006", lightpanda-io/browser#2978'
WRITERS = 'gorilla/websocket#390, iotexproject/iotex-core#3907 "concurrent write panic"'

RESERVED = (1004, 1005, 1006, 1015)

PINGED = finished(repeat(200, delta("word "), wait(0.001)))

BURST = 50
"""Pings in one turn."""


@scenario(clause="AC39", needs=("mock",), evidence=UTF8)
async def fragmented_code_point(chat: AgentChat) -> None:
    """A code point whose bytes are spread over fragments is put together."""
    thread = new_thread()
    directive = chat.bench.directive(token=(token := new_token()))
    content = f"Cancel my forêt-🌲 {directive}"
    value = {"type": "message", "thread_id": thread, "content": content}
    data = json.dumps(value, ensure_ascii=False).encode()
    cut = data.index("🌲".encode()) + 1
    parts = (data[:cut], data[cut : cut + 1], b"", data[cut + 1 : cut + 2], data[cut + 2 :])
    for number, part in enumerate(parts):
        opcode = Opcode.CONT if number else Opcode.TEXT
        chat.frame(opcode, part, fin=number == len(parts) - 1)
    await chat.completes(thread, clause="AC39", unless="AC39")
    for entry in await chat.bench.asked(token):
        chat.expect(
            users(entry)[-1:] == [content],
            check="whole",
            clause="AC39",
            expected=f"the last user message {content}",
            actual=users(entry)[-1:],
        )


@scenario(clause="AC39", evidence=UTF8)
async def invalid_utf8(bench: AgentBench) -> None:
    """Text that is no UTF-8 closes the connection with 1007."""
    for data in (b'{"type": "\xff"}', b"\xc0\xaf", b"\xed\xa0\x80", b"half \xf0\x9f\x8c"):
        async with bench.connect() as chat:
            chat.frame(Opcode.TEXT, data)
            if not await _closes(chat, 1007, clause="AC39", because=repr(data)):
                return


@scenario(clause="AC40", evidence=FRAMES)
async def broken_frames(bench: AgentBench) -> None:
    """Frames that break the protocol close the connection with 1002."""
    for what, send in _BROKEN.items():
        async with bench.connect() as chat:
            send(chat)
            if not await _closes(chat, 1002, clause="AC40", because=what):
                return


_BROKEN: dict[str, Callable[[AgentChat], None]] = {
    "RSV1 without an extension": lambda chat: chat.frame(Opcode.TEXT, b"{}", rsv1=True),
    "an unmasked frame": lambda chat: chat.frame(Opcode.TEXT, b"{}", mask=False),
    "a continuation of nothing": lambda chat: chat.frame(Opcode.CONT, b"{}"),
    "a ping of 126 bytes": lambda chat: chat.ping(bytes(126)),
    "a fragment of a ping": lambda chat: chat.frame(Opcode.PING, b"", fin=False),
    "an opcode that is none": lambda chat: chat.raw(b"\x83\x80\0\0\0\0"),
}


async def _closes(chat: AgentChat, code: int, *, clause: str, because: str) -> bool:
    """Whether it does. Where it does not, waiting for that has taken all the time there is."""
    found = await chat.closed()
    return chat.expect(
        found == code and chat.ended,
        check="close_code",
        clause=clause,
        expected=f"closed with {code}, for {because}",
        actual=f"{found}" if chat.ended else "the connection is still open",
    )


@scenario(clause="AC41", needs=("mock",), evidence=PING)
async def ping_during_turn(chat: AgentChat) -> None:
    """A ping is answered while an answer is under way, which then completes."""
    thread = new_thread()
    token = chat.ask(thread, pattern="gated:1")
    await chat.said(clause="AC3", expected="a token")
    await _ponged(chat, b"still there?")
    await chat.bench.upstream.open_gate(token, 1)
    await chat.completes(thread)


@scenario(clause="AC41", evidence=PING)
async def ping_between_fragments(chat: AgentChat) -> None:
    """A ping between two fragments is answered before the message is complete."""
    chat.frame(Opcode.TEXT, b"no ", fin=False)
    await _ponged(chat, bytes(range(125)))
    chat.frame(Opcode.CONT, b"JSON")
    await chat.refuses("Invalid JSON", clause="AC14")


async def _ponged(chat: AgentChat, payload: bytes) -> None:
    await chat.pong(payload)
    if chat.pongs != [payload]:
        expected = f"one pong with {payload!r}"
        raise chat.failed("pong", clause="AC41", expected=expected, actual=f"{chat.pongs}")


@scenario(clause="AC41", needs=("mock",), evidence=WRITERS)
async def pings_in_a_burst(chat: AgentChat) -> None:
    """Pongs, errors and tokens that are written together are whole frames, each."""
    pattern = await chat.bench.script(PINGED)
    sent = [str(number).encode() for number in range(BURST)]
    thread = new_thread()
    chat.ask(thread, pattern=pattern)
    kinds = []
    for each in sent:
        chat.ping(each)
        chat.text(FENCE)
        kinds.append((await chat.said())["type"])
    while len(terminal := [each for each in kinds if each in TERMINAL]) <= BURST:
        kinds.append((await chat.said(clause="AC7"))["type"])
    await chat.until(lambda: sent[-1] in chat.pongs)
    # A pong may stand for all pings before it (RFC 6455 5.5.3); this far apart, it need not.
    chat.expect(
        set(chat.pongs) <= set(sent) and chat.pongs[-1:] == sent[-1:] and not chat.violation,
        check="pongs",
        clause="AC41",
        expected="pongs for these pings, the last one's included, in a stream of whole frames",
        actual=chat.violation or f"{plural(len(chat.pongs), 'pong')}, {len(kinds)} messages",
    )
    chat.expect(
        (terminal.count("message_complete"), kinds.count("token")) == (1, 200),
        check="tokens",
        clause="AC3",
        expected="200 tokens, 1 message_complete",
        actual=f"{plural(kinds.count('token'), 'token')}, then {set(terminal)}",
    )


@scenario(clause="AC42", evidence=CLOSE)
async def close_idle(chat: AgentChat) -> None:
    """A close is answered by a close."""
    _echoed(chat, await chat.close())


@scenario(clause=("AC42", "AC30"), needs=("mock",), evidence=CLOSE)
async def close_during_turn(chat: AgentChat) -> None:
    """A close during a turn is answered, nothing follows, and the model is let go."""
    token = chat.ask(new_thread(), pattern="drip:5+stall:1000")
    for _ in range(2):
        await chat.said(clause="AC3", expected="a token, while the model talks")
    _echoed(chat, await chat.close())
    await chat.bench.let_go(token)


def _echoed(chat: AgentChat, code: int) -> None:
    last = chat.received[-1].opcode if chat.received else None
    chat.expect(
        code == 1000 and last is Opcode.CLOSE,
        check="close",
        clause="AC42",
        expected="a close frame with 1000, and nothing after it",
        actual=f"{code}, the last frame: {last.name if last is not None else 'none'}",
    )


@scenario(clause="AC42", evidence=CODES)
async def close_codes(bench: AgentBench) -> None:
    """Whatever code a client closes with, the answer is no code that must not be sent."""
    for data in (b"", *(struct.pack("!H", code) for code in (0, 999, 1005, 1006, 1015, 3000))):
        async with bench.connect() as chat:
            chat.frame(Opcode.CLOSE, data)
            await chat.closed()
            closes = [each for each in chat.received if each.opcode is Opcode.CLOSE]
            chat.expect(
                len(closes) == 1 and chat.ended and not _reserved(closes[0]),
                check="close_code",
                clause="AC42",
                expected=f"one close frame, in answer to {data!r}, without a reserved code",
                actual=" ".join(repr(each.data) for each in closes) or "none",
            )


def _reserved(frame: Received) -> bool:
    code = struct.unpack("!H", frame.data[:2])[0] if frame.data else 1000
    return code < 1000 or code in RESERVED
