"""The WebSocket protocol itself, on a connection with a model behind it (RFC 6455)."""

import json

from conformance.core.quoting import plural
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, repeat, wait
from conformance.profiles.agent_chat.chat import FENCE, AgentChat
from conformance.profiles.agent_chat.frames import TERMINAL
from conformance.profiles.websocket import rfc6455
from conformance.profiles.websocket.model import new_token, prompts

SLOW_WORDS = finished(repeat(200, delta("word "), wait(0.001)))

BURST = 50
"""Pings in one turn."""


@scenario(clause="AC39", needs=("mock",), evidence=rfc6455.UTF8)
async def fragmented_code_point(chat: AgentChat) -> None:
    """The backend joins a code point whose bytes are spread over fragments."""
    directive = chat.model.directive(token=(token := new_token()))
    content = f"Cancel my forêt-🌲 {directive}"
    message = {"type": "message", "thread_id": chat.thread, "content": content}
    text = json.dumps(message, ensure_ascii=False)
    cut = text.encode().index("🌲".encode()) + 1
    chat.in_fragments(text, cut, cut + 1, cut + 1, cut + 2)
    await chat.completes(chat.thread, clause="AC39")
    for entry in await chat.model.asked(token):
        last = prompts(entry)[-1:]
        expected = f"the last user message {content}"
        chat.check(last == [content], "whole", expected=expected, actual=last)


rfc6455.invalid_utf8.declare(__name__, "invalid_utf8", "AC39")
rfc6455.broken_frames.declare(__name__, "broken_frames", "AC40")
rfc6455.ping_during_answer.declare(__name__, "ping_during_turn", "AC41")
rfc6455.ping_between_fragments.declare(__name__, "ping_between_fragments", "AC41")


@scenario(clause="AC41", needs=("mock",), evidence=rfc6455.WRITERS)
async def pings_in_a_burst(chat: AgentChat) -> None:
    """The backend sends whole frames when it writes pongs, errors and tokens together."""
    await chat.prompt(pattern=await chat.model.playing(SLOW_WORDS))
    payloads = [str(number).encode() for number in range(BURST)]
    kinds = []
    for payload in payloads:
        chat.ping(payload)
        chat.text(FENCE)
        kinds.append((await chat.frame_of_turn())["type"])
    while len(terminal := [kind for kind in kinds if kind in TERMINAL]) <= BURST:
        kinds.append((await chat.frame_of_turn())["type"])
    await rfc6455.answers_pings(chat, payloads)
    chat.check(
        (terminal.count("message_complete"), kinds.count("token")) == (1, 200),
        "tokens",
        expected="200 tokens, 1 message_complete",
        actual=f"{plural(kinds.count('token'), 'token')}, then {set(terminal)}",
        clause="AC3",
    )


rfc6455.close_idle.declare(__name__, "close_idle", "AC42")
rfc6455.close_during_answer.declare(__name__, "close_during_turn", "AC42", "AC30")
rfc6455.close_codes.declare(__name__, "close_codes", "AC42")
