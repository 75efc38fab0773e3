"""The WebSocket protocol itself, on a connection that talks (RFC 6455)."""

import json
import struct
from collections.abc import Callable

from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, repeat, wait
from conformance.profiles.rpc_chat.client import RpcBench, RpcChat
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


@scenario(clause="RC38", evidence=UTF8)
async def ws_fragmented_code_point(chat: RpcChat) -> None:
    """A code point whose bytes are spread over fragments is put together."""
    await chat.greeted()
    name = "forêt-🌲"
    data = json.dumps({"prompt": f"/world select {name}"}, ensure_ascii=False).encode()
    cut = data.index("🌲".encode()) + 1
    parts = (data[:cut], data[cut : cut + 1], b"", data[cut + 1 : cut + 2], data[cut + 2 :])
    for number, part in enumerate(parts):
        opcode = Opcode.CONT if number else Opcode.TEXT
        chat.frame(opcode, part, fin=part is parts[-1])
    replies = await chat.fence("RC38")
    chat.expect(
        bool(replies) and name in (*replies[0].content.split(), *replies[0].metadata.values()),
        check="whole",
        clause="RC38",
        expected=f"a reply that names {name}",
        actual="; ".join(map(str, replies)) or "nothing",
    )


@scenario(clause="RC38", evidence=UTF8)
async def ws_invalid_utf8(bench: RpcBench) -> None:
    """Text that is no UTF-8 closes the connection with 1007."""
    for data in (b'{"prompt": "\xff"}', b"\xc0\xaf", b"\xed\xa0\x80", b"half \xf0\x9f\x8c"):
        async with bench.connect() as chat:
            await chat.greeted()
            chat.frame(Opcode.TEXT, data)
            if not await _closes(chat, 1007, clause="RC38", because=repr(data)):
                return


@scenario(clause="RC39", evidence=FRAMES)
async def ws_broken_frames(bench: RpcBench) -> None:
    """Frames that break the protocol close the connection with 1002."""
    for what, send in _BROKEN.items():
        async with bench.connect() as chat:
            await chat.greeted()
            send(chat)
            if not await _closes(chat, 1002, clause="RC39", because=what):
                return


_BROKEN: dict[str, Callable[[RpcChat], None]] = {
    "RSV1 without an extension": lambda chat: chat.frame(Opcode.TEXT, b"{}", rsv1=True),
    "an unmasked frame": lambda chat: chat.frame(Opcode.TEXT, b"{}", mask=False),
    "a continuation of nothing": lambda chat: chat.frame(Opcode.CONT, b"{}"),
    "a ping of 126 bytes": lambda chat: chat.ping(bytes(126)),
    "a fragment of a ping": lambda chat: chat.frame(Opcode.PING, b"", fin=False),
    "an opcode that is none": lambda chat: chat.raw(b"\x83\x80\0\0\0\0"),
}


async def _closes(chat: RpcChat, code: int, *, clause: str, because: str) -> bool:
    """Whether it does. Where it does not, waiting for that has taken all the time there is."""
    found = await chat.closed()
    return chat.expect(
        found == code and chat.ended,
        check="close_code",
        clause=clause,
        expected=f"closed with {code}, for {because}",
        actual=f"{found}" if chat.ended else "the connection is still open",
    )


@scenario(clause="RC40", needs=("mock",), evidence=PING)
async def ws_ping_during_answer(chat: RpcChat) -> None:
    """A ping is answered while an answer is under way, and nothing else is said."""
    await chat.staged()
    token = chat.prompt(pattern="gated:1")
    await chat.chunks(1)
    await _pong(chat, b"still there?")
    await chat.bench.upstream.open_gate(token, 1)
    await chat.answer()


@scenario(clause="RC40", evidence=PING)
async def ws_ping_between_fragments(chat: RpcChat) -> None:
    """A ping between two fragments is answered before the message is complete."""
    await chat.greeted()
    chat.frame(Opcode.TEXT, b'{"prompt": ', fin=False)
    await _pong(chat, bytes(range(125)))
    chat.frame(Opcode.CONT, b'"Hello"}')
    await chat.said(expected="the stage error")


async def _pong(chat: RpcChat, payload: bytes) -> None:
    chat.ping(payload)
    await chat.until(lambda: bool(_pongs(chat)))
    if (found := _pongs(chat)) != [payload]:
        expected = f"one pong with {payload!r}"
        raise chat.failed("pong", clause="RC40", expected=expected, actual=f"{found}")


def _pongs(chat: RpcChat) -> list[bytes]:
    return [each.data for each in chat.received if each.opcode is Opcode.PONG]


@scenario(clause="RC40", needs=("mock",), evidence=WRITERS)
async def ws_pings_in_a_burst(chat: RpcChat) -> None:
    """Pongs and chunks that are written together are whole frames, each."""
    await chat.staged()
    token = chat.prompt(pattern=await chat.bench.script(PINGED))
    sent = [str(number).encode() for number in range(50)]
    for each in sent:
        await chat.chunks(1)
        chat.ping(each)
    answer = await chat.answer()
    await chat.until(lambda: sent[-1] in _pongs(chat))
    pongs = _pongs(chat)
    # A pong may stand for all pings before it (RFC 6455 5.5.3); this far apart, it need not.
    chat.expect(
        set(pongs) <= set(sent) and pongs[-1:] == sent[-1:] and not chat.violation,
        check="pongs",
        clause="RC40",
        expected="pongs for these pings, the last one's included, in a stream of whole frames",
        actual=chat.violation or f"{len(pongs)} pongs, {answer.total} chunks",
    )
    await chat.bench.asked_once(token)


@scenario(clause="RC41", evidence=CLOSE)
async def ws_close_idle(chat: RpcChat) -> None:
    """A close is answered by a close."""
    await chat.greeted()
    _echoed(chat, await chat.close())


@scenario(clause=("RC41", "RC30"), needs=("mock",), evidence=CLOSE)
async def ws_close_during_answer(chat: RpcChat) -> None:
    """A close during an answer is answered, nothing follows, and the model is let go."""
    await chat.staged()
    token = chat.prompt(pattern="drip:5+stall:1000")
    await chat.chunks(2)
    _echoed(chat, await chat.close())
    await chat.bench.let_go(token)


def _echoed(chat: RpcChat, code: int) -> None:
    chat.expect(
        code == 1000 and chat.received[-1].opcode is Opcode.CLOSE,
        check="close",
        clause="RC41",
        expected="a close frame with 1000, and nothing after it",
        actual=f"{code}, then {chat.received[-1].opcode.name if chat.received else 'nothing'}",
    )


@scenario(clause="RC41", evidence=CODES)
async def ws_close_codes(bench: RpcBench) -> None:
    """Whatever code a client closes with, the answer is no code that must not be sent."""
    for data in (b"", *(struct.pack("!H", code) for code in (0, 999, 1005, 1006, 1015, 3000))):
        async with bench.connect() as chat:
            await chat.greeted()
            chat.frame(Opcode.CLOSE, data)
            await chat.closed()
            closes = [each for each in chat.received if each.opcode is Opcode.CLOSE]
            chat.expect(
                len(closes) == 1 and chat.ended and not _reserved(closes[0]),
                check="close_code",
                clause="RC41",
                expected=f"one close frame, in answer to {data!r}, without a reserved code",
                actual=" ".join(repr(each.data) for each in closes) or "none",
            )


def _reserved(frame: Received) -> bool:
    code = struct.unpack("!H", frame.data[:2])[0] if frame.data else 1000
    return code < 1000 or code in RESERVED
