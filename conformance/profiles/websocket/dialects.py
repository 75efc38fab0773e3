"""A model behind an API that is almost OpenAI's: its text arrives, and its failures are failures.

The habits are those of `profiles/relay/catalog/dialects.py`, whose docstrings name who has them.
"""

from __future__ import annotations

import json
from typing import Any

from conformance.core.script import (
    Step,
    chunk,
    delta,
    done,
    event,
    finish,
    finished,
    script,
    write,
)
from conformance.profiles.websocket.bench import ChatBench
from conformance.profiles.websocket.conversation import Conversation
from conformance.profiles.websocket.sharing import shared

_OVERLOADED = {"message": "the model is overloaded", "code": 502}
TEXT = "One two three"


def _choice(reason: str | None, **fields: Any) -> Step:
    """An event with one choice."""
    choices = [{"index": 0, "delta": fields, "finish_reason": reason}]
    return event({**chunk(), "choices": choices})


async def _whole(chat: Conversation, *steps: Step) -> None:
    """Check that the answer of these steps is TEXT."""
    await chat.prepare()
    answer = await chat.alone(await chat.model.playing(script(*steps)))
    text = "".join(answer.pieces)
    chat.check(text == TEXT, "text", expected=f"the text {TEXT!r}", actual=repr(text))
    chat.check(not answer.failed, "no_error", expected="an answer without an error", actual="one")


async def _fails(bench: ChatBench, *failures: Step) -> None:
    """Check that each of these events fails the answer, although `[DONE]` follows."""
    for failure in failures:
        async with bench.connect() as chat:
            await chat.fails(
                await chat.model.playing(script(delta("One"), failure, done())), after=1
            )


@shared(needs=("mock",), evidence='Ollama; ollama/ollama#7626 "role in every chunk"')
async def role_everywhere(chat: Conversation) -> None:
    """The client receives the text of deltas that all carry the role as well."""
    deltas = (_choice(None, role="assistant", content=text) for text in ("One", " two", " three"))
    await _whole(chat, *deltas, finish("stop"), done())


@shared(needs=("mock",), evidence="vLLM; BerriAI/litellm#36327, openai/openai-go#756")
async def text_beside(chat: Conversation) -> None:
    """The client receives the text that shares a delta with reasoning or a finish_reason."""
    first = _choice(None, content="One", reasoning_content="Let me", reasoning="Let me")
    await _whole(chat, first, delta(" two"), _choice("stop", content=" three"), done())


@shared(needs=("mock",), evidence="Mistral, GLM; symfony/ai#2422, livekit/agents#6324")
async def content_parts(chat: Conversation) -> None:
    """The client receives the text of a delta whose content is a list of text parts."""
    parts = [{"type": "text", "text": " two"}, {"type": "text", "text": " three"}]
    first = _choice(None, content=[{"type": "text", "text": "One"}])
    await _whole(chat, first, _choice(None, content=parts), finish("stop"), done())


@shared(needs=("mock",), evidence="Ollama, SGLang; ollama/ollama#4357")
async def finish_empty(chat: Conversation) -> None:
    """The backend goes on after `finish_reason: ""`, which finishes nothing."""
    deltas = (_choice("", content=text) for text in ("One", " two", " three"))
    await _whole(chat, *deltas, finish("stop"), done())


@shared(needs=("mock",), evidence="Ollama, SGLang; sgl-project/sglang#3912")
async def finish_empty_cut(chat: Conversation) -> None:
    """The backend reports an answer that ends after `finish_reason: ""` as broken off."""
    cut = script(_choice("", content="One"), _choice("", content=" two"))
    await chat.fails(await chat.model.playing(cut), after=2)


@shared(needs=("mock",), evidence="Gemini's compatible endpoint; jakobdylanc/llmcord#84")
async def done_alone(chat: Conversation) -> None:
    """The backend completes an answer that ends with `[DONE]`, without a finish_reason."""
    await _whole(chat, delta("One"), delta(" two"), delta(" three"), done())


@shared(needs=("mock",), evidence="OpenRouter; diegosouzapw/OmniRoute#8210")
async def error_in_chunk(bench: ChatBench) -> None:
    """The backend reports an error that stands in a chunk, next to its choices."""
    empty = {**chunk(), "choices": []}
    await _fails(bench, event({**empty, "error": _OVERLOADED}), event({**empty, "error": "lost"}))


@shared(needs=("mock",), evidence="llama.cpp; coddy-project/coddy-agent#106, vLLM's bare fields")
async def error_in_disguise(bench: ChatBench) -> None:
    """The backend reports an error in a field `error:`, and one without the key `error`."""
    field = write(f"error: {json.dumps(_OVERLOADED)}\n\n")
    await _fails(bench, field, write("event: error\n\n"), event({"object": "error", **_OVERLOADED}))


@shared(needs=("mock",), evidence="Growth-Circle/cadis#362, maximhq/bifrost#5874")
async def heartbeats(chat: Conversation) -> None:
    """The backend ignores heartbeats: events without data, comments and ids."""
    beat = write("data:\n\n: still here\n\nid: 7\n\n")
    texts = (delta("One"), beat, delta(" two"), beat, delta(" three"))
    await _whole(chat, beat, *texts, *finished(beat).steps)
