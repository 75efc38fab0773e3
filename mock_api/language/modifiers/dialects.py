"""Dialects: the same answer as other APIs send it that call themselves compatible with OpenAI's.

A dialect changes the chunks of chat completions and leaves the events of other APIs alone. Each
names where its habit can be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from mock_api.language import openai
from mock_api.language.modifiers.modifier import Modifier
from mock_api.language.script import Script
from mock_api.language.steps import Step, Write

Chunk = dict[str, Any]
Change = Callable[[list[Chunk]], Iterator[Chunk | bytes]]
"""From the chunks of an answer, without `[DONE]`, to what the other API sends: chunks, or bytes."""


def _dialect(name: str, meaning: str, change: Change) -> Modifier:
    def apply(script: Script, _: str) -> Script:
        """The chunks changed; the steps between them stay before the chunk that they held up."""
        writes = [step for step in script.steps if isinstance(step, Write)]
        chunks = [json.loads(step.data[6:]) for step in writes if _is_chunk(step.data)]
        if not chunks:
            return script
        rest = [step.data for step in writes if not _is_chunk(step.data)]
        sent = (item if isinstance(item, bytes) else openai.event(item) for item in change(chunks))
        pause = next((step for step in script.steps if not isinstance(step, Write)), None)
        before: tuple[Step, ...] = () if pause is None else (pause,)
        events = (*sent, *rest)
        return replace(script, steps=tuple(s for data in events for s in (*before, Write(data))))

    return Modifier(name, meaning, "", apply, text=True)


def _is_chunk(data: bytes) -> bool:
    return data.startswith(b"data: {")


def _delta(chunk: Chunk) -> Chunk:
    """The delta of choice 0; empty without one."""
    choices = chunk.get("choices") or [{}]
    return choices[0].get("delta") or {}


def _with_delta(chunk: Chunk, **fields: Any) -> Chunk:
    """The chunk with these fields of its first delta."""
    choice = {**chunk["choices"][0], "delta": {**_delta(chunk), **fields}}
    return {**chunk, "choices": [choice, *chunk["choices"][1:]]}


def _with_choice(chunk: Chunk, **fields: Any) -> Chunk:
    """The chunk with these fields of its first choice."""
    return {**chunk, "choices": [{**chunk["choices"][0], **fields}, *chunk["choices"][1:]]}


def _whole_calls(chunks: list[Chunk]) -> Iterator[Chunk]:
    """The chunks, each call in one of them."""
    calls: dict[int, Chunk] = {}
    for chunk in chunks:
        deltas = _delta(chunk).get("tool_calls")
        if deltas is None:
            yield from calls.values()
            calls = {}
            yield chunk
            continue
        for delta in deltas:
            present = calls.get(delta["index"])
            if present is None:
                calls[delta["index"]] = _with_delta(
                    chunk, tool_calls=[json.loads(json.dumps(delta))]
                )
            else:
                function = _delta(present)["tool_calls"][0]["function"]
                function["arguments"] += delta["function"]["arguments"]
    yield from calls.values()


def _ollama(chunks: list[Chunk]) -> Iterator[Chunk | bytes]:
    for chunk in _whole_calls(chunks):
        chunk["system_fingerprint"] = "fp_ollama"
        if not chunk.get("choices"):
            yield chunk
            continue
        yield _with_delta(chunk, role="assistant", content=_delta(chunk).get("content") or "")


ROLE = {"role": "assistant", "content": ""}


def _vllm(chunks: list[Chunk]) -> Iterator[Chunk | bytes]:
    """The role alone first; the finish_reason with the last text; thoughts run into text."""
    first = chunks[0]
    if first.get("choices"):
        yield _with_choice(first, delta=ROLE, logprobs=None)
    held: Chunk | None = None
    for chunk in chunks:
        delta = dict(_delta(chunk))
        if not chunk.get("choices"):
            if held is not None:
                yield held
                held = None
            yield chunk
            continue
        delta.pop("role", None)
        reason = chunk["choices"][0]["finish_reason"]
        if held is not None and (reason or _thinks_then_says(held, delta)):
            held = _with_choice(_with_delta(held, **delta), finish_reason=reason, stop_reason=None)
            continue
        if held is not None:
            yield held
        held = _with_choice(chunk, delta=delta, logprobs=None)
    if held is not None:
        yield held


def _thinks_then_says(held: Chunk, delta: Chunk) -> bool:
    present = _delta(held)
    return "reasoning_content" in present and "content" not in present and "content" in delta


def _sglang(chunks: list[Chunk]) -> Iterator[Chunk | bytes]:
    for chunk in chunks:
        if not chunk.get("choices"):
            yield chunk
            continue
        empty = {"reasoning_content": None, "tool_calls": None}
        changed = _with_delta(chunk, **{**empty, **_delta(chunk)})
        reason = chunk["choices"][0]["finish_reason"] or ""
        yield _with_choice(changed, finish_reason=reason, matched_stop=None, logprobs=None)


def _gemini(chunks: list[Chunk]) -> Iterator[Chunk | bytes]:
    for chunk in _whole_calls(chunks):
        if not chunk.get("choices"):
            yield chunk
            continue
        delta = {"role": "assistant", **_delta(chunk)}
        for call in delta.get("tool_calls", ()):
            call.pop("index", None)
            call["id"] = f"function-call-{call['id']}"
        reason = chunk["choices"][0]["finish_reason"]
        reason = "stop" if reason == "tool_calls" else reason
        yield _with_choice(chunk, delta=delta, finish_reason=reason)


def _mistral(chunks: list[Chunk]) -> Iterator[Chunk | bytes]:
    for chunk in chunks:
        delta = dict(_delta(chunk))
        thought, text = delta.pop("reasoning_content", None), delta.get("content")
        if isinstance(thought, str):
            inner = [{"type": "text", "text": thought}]
            delta["content"] = [{"type": "thinking", "thinking": inner}]
        elif isinstance(text, str):
            delta["content"] = [{"type": "text", "text": text}]
        yield _with_choice(chunk, delta=delta) if chunk.get("choices") else chunk


def _llamacpp(chunks: list[Chunk]) -> Iterator[Chunk | bytes]:
    for index, chunk in enumerate(chunks):
        if "error" in chunk:
            fault = {"code": 500, "message": chunk["error"]["message"], "type": "server_error"}
            yield b"error: " + openai.compact(fault) + b"\n\n"
            yield openai.DONE
            continue
        chunk["system_fingerprint"] = "b6100-mock"
        if not index and chunk.get("choices"):
            opening = _with_choice(chunk, delta={"role": "assistant", "content": None})
            yield opening
            _delta(chunk).pop("role", None)
        yield chunk
        if chunk.get("choices") and chunk["choices"][0]["finish_reason"]:
            timings = {"prompt_n": openai.PROMPT_TOKENS, "predicted_n": len(chunks) - 1}
            yield {**chunk, "choices": [], "timings": timings}


SAFE = {
    name: {"filtered": False, "severity": "safe"}
    for name in ("hate", "self_harm", "sexual", "violence")
}


def _azure(chunks: list[Chunk]) -> Iterator[Chunk | bytes]:
    results = [{"prompt_index": 0, "content_filter_results": SAFE}]
    opening = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
    yield {**opening, "prompt_filter_results": results}
    for chunk in chunks:
        if chunk.get("choices"):
            said = SAFE if _delta(chunk).get("content") else {}
            yield _with_choice(chunk, content_filter_results=said)
        else:
            yield chunk


def _openrouter(chunks: list[Chunk]) -> Iterator[Chunk | bytes]:
    yield b": OPENROUTER PROCESSING\n\n"
    for chunk in chunks:
        chunk["provider"] = "Mock"
        if "error" in chunk:
            error = {"code": 502, "message": chunk["error"]["message"]}
            choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
            yield {**openai.chunk({}), "provider": "Mock", "error": error, "choices": [choice]}
        elif chunk.get("choices"):
            delta = {"role": "assistant", "content": "", **_delta(chunk)}
            thought = delta.pop("reasoning_content", None)
            if thought is not None:
                delta["reasoning"] = thought
            reason = chunk["choices"][0]["finish_reason"]
            yield _with_choice(chunk, delta=delta, native_finish_reason=reason)
        else:
            yield chunk


def _deepseek(chunks: list[Chunk]) -> Iterator[Chunk | bytes]:
    yield b": keep-alive\n\n"
    for index, chunk in enumerate(chunks):
        if not chunk.get("choices"):
            yield chunk
            continue
        delta = _delta(chunk)
        if "reasoning_content" in delta:
            delta = {**delta, "content": None}
        elif "content" in delta:
            delta = {**delta, "reasoning_content": None}
        if chunk["choices"][0]["finish_reason"]:
            chunk["usage"] = openai.usage(index)
        yield _with_choice(chunk, delta=delta, logprobs=None)


DIALECTS = (
    _dialect(
        "ollama",
        "Ollama's: role and content in each delta, each call in one chunk (ollama/ollama#7626)",
        _ollama,
    ),
    _dialect(
        "vllm",
        "vLLM's: the role alone first, finish_reason with the last text, text next to "
        "reasoning_content (vllm-project/vllm#42691)",
        _vllm,
    ),
    _dialect(
        "sglang",
        'SGLang\'s: finish_reason `""` instead of null, null fields in deltas '
        "(sgl-project/sglang#3912)",
        _sglang,
    ),
    _dialect(
        "gemini",
        "that of Gemini's compatible endpoint: calls without index, then finish_reason `stop` "
        "(openai/openai-python#3410)",
        _gemini,
    ),
    _dialect("mistral", "Mistral's: content as a list of parts (livekit/agents#6324)", _mistral),
    _dialect(
        "llamacpp",
        "llama.cpp's: null content first, timings last, a failure as the SSE field `error` and "
        "`[DONE]` (ggml-org/llama.cpp#14566)",
        _llamacpp,
    ),
    _dialect(
        "azure",
        "Azure's: a chunk of prompt_filter_results without choices first, content_filter_results "
        "in each choice",
        _azure,
    ),
    _dialect(
        "openrouter",
        "OpenRouter's: comments first, native_finish_reason, a failure next to a choice "
        "(diegosouzapw/OmniRoute#8210)",
        _openrouter,
    ),
    _dialect(
        "deepseek",
        "DeepSeek's: a comment first, null content next to thoughts, usage next to finish_reason",
        _deepseek,
    ),
)
