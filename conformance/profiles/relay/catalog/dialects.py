"""Dialects: what APIs send that call themselves compatible with OpenAI's, and are a little not.

Each scenario shows one habit of named APIs. The text of an answer must survive it, and a
failure must stay a failure. What such APIs do within OpenAI's own rules is in `openai`.
"""

import json
from typing import Any

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import (
    Script,
    chunk,
    delta,
    done,
    event,
    finish,
    finished,
    repeat,
    script,
    write,
)
from conformance.profiles.relay.bench import RelayBench

OPENAI = ("format=openai",)
EVENTS = ("events",)


def _answer(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A chunk with these choices and these fields next to them."""
    return {**chunk(), "choices": list(choices), **fields}


def _choice(reason: str | None, **fields: Any) -> dict[str, Any]:
    """A choice with this finish_reason and this delta."""
    return {"index": 0, "delta": fields, "finish_reason": reason}


def _call(index: int | None, name: str, arguments: str) -> dict[str, Any]:
    """A whole tool call in one delta; without an index where that is None."""
    function = {"name": name, "arguments": arguments}
    call = {"id": f"call_{name}", "type": "function", "function": function}
    return call if index is None else {"index": index, **call}


# Text that is easily lost


@scenario(
    script=script(
        *(event(chunk(role="assistant", content=text)) for text in ("One", " two", " three")),
        event(chunk(role="assistant", content="", reason="stop")),
        done(),
    ),
    clause="R2",
    everywhere=True,
    evidence='Ollama; ollama/ollama#7626 "role in every chunk", ollama/ollama#17166',
)
def dialect_role_everywhere(response: Checks) -> None:
    """The daemon relays the text of deltas that all carry the role as well."""
    response.chunk_count_at_least(3)
    response.relayed().content("One two three")


@scenario(
    script=script(
        event(chunk(content="One", reasoning_content="Let me", reasoning="Let me")),
        event(chunk(content=" two", tool_calls=[_call(0, "weather", "{}")])),
        event(chunk(content=" three", reason="tool_calls")),
        done(),
    ),
    clause="R2",
    everywhere=True,
    evidence="vLLM; BerriAI/litellm#36327, openai/openai-go#756, vllm-project/vllm#42691",
)
def dialect_text_beside(response: Checks) -> None:
    """The daemon relays text that shares a delta with reasoning, a call or a finish_reason."""
    response.relayed().content("One two three")


@scenario(
    script=script(
        event(chunk(content=[{"type": "text", "text": "One"}])),
        event(
            chunk(content=[{"type": "text", "text": " two"}, {"type": "text", "text": " three"}])
        ),
        event(chunk(content=[])),
        finish("stop"),
        done(),
    ),
    clause=("R2", "R6"),
    everywhere=True,
    evidence="Mistral, GLM; symfony/ai#2422, livekit/agents#6324",
)
def dialect_content_parts(response: Checks) -> None:
    """The text of a delta whose content is a list of text parts is that of its parts, joined."""
    response.no_error().sse_format().content("One two three").done_marker()


@scenario(
    clause="R6",
    needs=EVENTS,
    everywhere=True,
    evidence="Mistral's reference parts, Gemini's inline data; livekit/agents#6324",
)
async def dialect_content_unknown(bench: RelayBench) -> None:
    """The daemon fails an answer with content that it cannot relay, or relays it unchanged."""
    strange: tuple[Any, ...] = (
        {"text": "lost"},
        7,
        True,
        [{"type": "image_url", "image_url": {"url": "data:,"}}],
    )
    for content in strange:
        odd = chunk(content=content)
        checks = await bench.respond(script=finished(delta("One"), event(odd), delta(" two")))
        if not checks.complete:
            checks.no_finish_reason().no_done_marker().failed_stream()
            continue
        bench.check(
            any(seen.json == odd for seen in checks.response.events),
            "content_unknown",
            expected=f"a failed answer, or the content {json.dumps(content)} unchanged",
            actual="a complete answer without it",
        )


# When an answer is finished


@scenario(
    script=script(
        *(
            event(_answer(_choice("", role="assistant", content=text)))
            for text in ("One", " two", " three")
        ),
        event(_answer(_choice("stop"))),
        done(),
    ),
    clause="R2",
    everywhere=True,
    evidence='Ollama, SGLang; ollama/ollama#4357 "finish_reason is an empty string"',
)
def dialect_finish_empty(response: Checks) -> None:
    """The daemon relays an answer whose chunks say `finish_reason: ""` until it is finished."""
    response.relayed().content("One two three")


@scenario(
    script=script(event(_answer(_choice("", content="One"))), event(_answer(_choice("")))),
    clause=("R6", "R4"),
    needs=EVENTS,
    everywhere=True,
    evidence='Ollama, SGLang; sgl-project/sglang#3912 "finish_reason empty, not null"',
)
def dialect_finish_empty_cut(response: Checks) -> None:
    """The daemon fails an answer that ends after `finish_reason: ""`, which finishes nothing."""
    response.content("One").no_done_marker().failed_stream()


@scenario(
    script=script(delta("One"), delta(" two"), done()),
    clause=("R4", "R2"),
    everywhere=True,
    evidence="Gemini's compatible endpoint; jakobdylanc/llmcord#84",
)
def dialect_done_alone(response: Checks) -> None:
    """The daemon completes an answer that ends with `[DONE]`, without a finish_reason."""
    response.relayed().content("One two")


@scenario(
    script=script(
        event(chunk(tool_calls=[_call(None, "weather", '{"place":"Rome"}')])),
        event(chunk(tool_calls=[_call(1, "time", "{}")])),
        finish("stop"),
        done(),
    ),
    clause="R2",
    needs=OPENAI,
    everywhere=True,
    evidence="Gemini's compatible endpoint; openai/openai-python#3410, pipecat-ai/pipecat#5342, "
    "BerriAI/litellm#35663",
)
def dialect_tool_calls(response: Checks) -> None:
    """The daemon relays calls without an index, or from index 1 on, that finish with `stop`."""
    response.finish_reason("stop")
    response.relayed()


# Failures that do not look like one

_OVERLOADED = {"message": "the model is overloaded", "code": 502}


async def _all_fail(bench: RelayBench, *failures: Script) -> None:
    for checks in await bench.respond_to_all(failures):
        checks.content_contains("One").no_done_marker().failed_stream()


@scenario(
    clause=("R6", "R4"),
    needs=EVENTS,
    everywhere=True,
    evidence='OpenRouter; diegosouzapw/OmniRoute#8210 "error beside empty choices"',
)
async def dialect_error_in_chunk(bench: RelayBench) -> None:
    """The daemon fails an answer whose error stands in a chunk, next to its choices."""
    await _all_fail(
        bench,
        script(delta("One"), event(_answer(error=_OVERLOADED)), done()),
        script(
            delta("One"), event(_answer(_choice("error", content=""), error=_OVERLOADED)), done()
        ),
    )


@scenario(
    clause=("R6", "R4"),
    needs=EVENTS,
    everywhere=True,
    evidence="Ollama and TGI send a string; Cloudflare a list of errors",
)
async def dialect_error_types(bench: RelayBench) -> None:
    """The daemon fails an answer with an error of any JSON type, also before `[DONE]`."""
    errors: tuple[Any, ...] = ("overloaded", "", 502, True, False, [_OVERLOADED], [], {})
    await _all_fail(bench, *(script(delta("One"), event({"error": e}), done()) for e in errors))


@scenario(
    clause=("R6", "R4"),
    needs=EVENTS,
    everywhere=True,
    evidence="llama.cpp; coddy-project/coddy-agent#106, ggml-org/llama.cpp#14566",
)
async def dialect_error_field(bench: RelayBench) -> None:
    """The daemon fails an answer with an `error:` field or a bare error event, before `[DONE]`."""
    field = f"error: {json.dumps(_OVERLOADED)}\n\n"
    bare = ("error\n\n", "event: error\n\n", "event: error\ndata:\n\n")
    failures = (field, *bare, "event: error\ndata: overloaded\n\n")
    await _all_fail(bench, *(script(delta("One"), write(text), done()) for text in failures))


@scenario(
    clause=("R6", "R4"),
    needs=EVENTS,
    everywhere=True,
    evidence="vLLM and NIM send the error's fields without the key `error`",
)
async def dialect_error_without_key(bench: RelayBench) -> None:
    """The daemon fails an answer on the fields of an error without the key `error`."""
    await _all_fail(
        bench,
        script(
            delta("One"), event({"object": "error", "type": "ServerError", **_OVERLOADED}), done()
        ),
        script(delta("One"), event(_OVERLOADED), done()),
    )


# Writing


@scenario(
    script=script(
        write("data:\n\ndata: \n\ndata\n\n"),
        delta("One"),
        write("id: 7\n: still here\n\nid: 8\n\n"),
        delta(" two"),
        write("data:\n\n"),
        finish("stop"),
        write("data:\n\n"),
        done(),
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence="Growth-Circle/cadis#362, maximhq/bifrost#5874",
)
def dialect_heartbeats(response: Checks) -> None:
    """The daemon ignores heartbeats: events without data, and ids before a comment."""
    response.no_error().content("One two").done_marker()


def _loose(value: Any) -> str:
    """An event with a JSON object as a pretty printer writes it: escapes, spaces, data lines."""
    text = json.dumps(value, ensure_ascii=True, indent=2, sort_keys=True)
    text = text.replace('"content"', '"\\u0063ontent"').replace('"choices"', '"cho\\u0069ces"')
    return "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"


@scenario(
    script=script(
        *(write(_loose(chunk(content=text))) for text in ("One", " twö", " 😀")),
        write(_loose(chunk(reason="stop"))),
        done(),
    ),
    clause=("U2", "R2", "R3"),
    everywhere=True,
    evidence="RFC 8259, 2 and 7; Django's and Go's encoders escape and indent",
)
def dialect_loose_json(response: Checks) -> None:
    """The daemon reads JSON with spaces, escaped keys, any order and line breaks."""
    response.relayed().content("One twö 😀")


@scenario(
    script=finished(
        repeat(3, delta("One ")),
        headers={
            "content-type": "text/event-stream",
            "content-security-policy": "default-src" + " https://example.org/" * 420,
            "set-cookie": "session=" + "x" * 3_000,
        },
    ),
    clause=("U4", "R2"),
    everywhere=True,
    evidence="hosted proxies add policies and cookies; apache/apisix#11726",
)
def dialect_large_head(response: Checks) -> None:
    """The daemon relays an answer with a response head of 12 KiB."""
    response.relayed().content("One One One ")
