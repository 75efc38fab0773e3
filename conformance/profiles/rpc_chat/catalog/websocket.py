"""The WebSocket protocol itself, on a connection with a model behind it (RFC 6455)."""

import json

from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, repeat, wait
from conformance.profiles.rpc_chat.chat import RpcChat
from conformance.profiles.rpc_chat.messages import listed
from conformance.profiles.websocket import rfc6455

SLOW_WORDS = finished(repeat(200, delta("word "), wait(0.001)))


@scenario(clause="RC38", evidence=rfc6455.UTF8)
async def ws_fragmented_code_point(chat: RpcChat) -> None:
    """The engine joins a code point whose bytes are spread over fragments."""
    await chat.begin()
    name = "forêt-🌲"
    text = json.dumps({"prompt": f"/world select {name}"}, ensure_ascii=False)
    cut = text.encode().index("🌲".encode()) + 1
    chat.in_fragments(text, cut, cut + 1, cut + 1, cut + 2)
    replies = await chat.fence("RC38")
    chat.check(
        bool(replies) and name in (*replies[0].content.split(), *replies[0].metadata.values()),
        "whole",
        expected=f"a reply that names {name}",
        actual=listed(replies),
    )


rfc6455.invalid_utf8.declare(__name__, "ws_invalid_utf8", "RC38")
rfc6455.broken_frames.declare(__name__, "ws_broken_frames", "RC39")
rfc6455.ping_during_answer.declare(__name__, "ws_ping_during_answer", "RC40")
rfc6455.ping_between_fragments.declare(__name__, "ws_ping_between_fragments", "RC40")


@scenario(clause="RC40", needs=("mock",), evidence=rfc6455.WRITERS)
async def ws_pings_in_a_burst(chat: RpcChat) -> None:
    """The engine sends whole frames when it writes pongs and chunks at the same time."""
    await chat.prepare()
    token = await chat.prompt(pattern=await chat.model.playing(SLOW_WORDS))
    payloads = [str(number).encode() for number in range(50)]
    for payload in payloads:
        await chat.chunks(1)
        chat.ping(payload)
    await chat.answer()
    await rfc6455.answers_pings(chat, payloads)
    await chat.model.asked_once(token)


rfc6455.close_idle.declare(__name__, "ws_close_idle", "RC41")
rfc6455.close_during_answer.declare(__name__, "ws_close_during_answer", "RC41", "RC30")
rfc6455.close_codes.declare(__name__, "ws_close_codes", "RC41")
