"""Unusual answers: their events are not only deltas, as those of some APIs."""

from __future__ import annotations

from typing import Any

from mock_api.language import openai
from mock_api.language.answer import Answer, Options, Pattern
from mock_api.language.answers.ordinary import words
from mock_api.language.named import number

SIX = words(6)

USAGE = {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15}

BIG = 2**63 + 1
"""Too large for a signed 64-bit integer, and not equal to any double."""


def _events(*values: Any) -> tuple[bytes, ...]:
    return (*map(openai.event, values), openai.DONE)


def _deltas(*texts: str) -> tuple[dict[str, Any], ...]:
    return tuple(openai.chunk({"content": text}) for text in texts)


def _stop(reason: str = "stop") -> dict[str, Any]:
    return openai.chunk({}, reason)


def _usage(_: str, options: Options) -> Answer:
    last = {**openai.chunk({}), "choices": [], "usage": USAGE}
    return Answer(SIX, "stop", _events(*_deltas(*SIX), _stop(), last))


def _role(_: str, options: Options) -> Answer:
    role = openai.chunk({"role": "assistant", "content": ""})
    return Answer(SIX, "stop", _events(role, *_deltas(*SIX), _stop()))


def _tools(_: str, options: Options) -> Answer:
    def call(**fields: Any) -> dict[str, Any]:
        return openai.chunk({"tool_calls": [{"index": 0, **fields}]})

    first = call(id="call_1", type="function", function={"name": "weather", "arguments": ""})
    pieces = ('{"city"', ':"Zü', 'rich"}')
    rest = (call(function={"arguments": piece}) for piece in pieces)
    return Answer((), "tool_calls", _events(first, *rest, _stop("tool_calls")))


def _choices(_: str, options: Options) -> Answer:
    chunks = []
    for text in SIX:
        for index in (0, 1):
            chunks.append(openai.chunk({"content": text if index == 0 else text.upper()}))
            chunks[-1]["choices"][0]["index"] = index
    ends = [_stop("stop"), _stop("length")]
    ends[1]["choices"][0]["index"] = 1
    return Answer(SIX, "stop", _events(*chunks, *ends))


def _reasoning(_: str, options: Options) -> Answer:
    thought = (openai.chunk({"reasoning_content": text}) for text in words(3))
    return Answer(SIX, "stop", _events(*thought, *_deltas(*SIX), _stop()))


def _numbers(_: str, options: Options) -> Answer:
    chunks = [{**chunk, "created": BIG, "x_ratio": 0.1} for chunk in _deltas(*SIX)]
    return Answer(SIX, "stop", _events(*chunks, _stop()))


def _odd(_: str, options: Options) -> Answer:
    base = openai.chunk({})
    choice = {"index": 0, "finish_reason": None}
    empty = (
        {**base, "choices": []},
        {**base, "choices": [choice]},
        {**base, "choices": [{**choice, "delta": None}]},
        {**base, "choices": [{**choice, "delta": {"content": None}}]},
        {**base, "choices": [{**choice, "delta": {"content": "", "x_new": [1, {}]}}]},
        {"id": openai.ID, "x_new": {"choices": []}},
    )
    deltas = _deltas(*SIX)
    mixed = [each for pair in zip(empty, deltas, strict=True) for each in pair]
    return Answer(SIX, "stop", _events(*mixed, _stop()))


def _marker(_: str, options: Options) -> Answer:
    texts = ("[DONE]", "data: [DONE]\n\n", "\n\ndata: [DONE]", " end")
    return Answer(texts, "stop")


def _failing(argument: str, options: Options) -> Answer:
    texts = words(number(argument))
    fault = openai.error("The model failed.", code="server_error", kind="server_error")
    return Answer(texts, None, (*map(openai.event, _deltas(*texts)), openai.event(fault)))


def _huge(argument: str, options: Options) -> Answer:
    return Answer(("x" * (1024 * number(argument, least=1, most=16 * 1024)),), "stop")


UNUSUAL_PATTERNS = (
    Pattern(
        "usage",
        "6 word deltas, finish_reason `stop`, then a chunk with usage and without choices, "
        "`[DONE]`",
        "",
        _usage,
    ),
    Pattern(
        "role",
        "6 word deltas after a chunk with the role and empty content; finish_reason `stop`, "
        "`[DONE]`",
        "",
        _role,
    ),
    Pattern(
        "tools",
        "a tool call in four chunks without content; finish_reason `tool_calls`, `[DONE]`",
        "",
        _tools,
    ),
    Pattern(
        "choices",
        "6 word deltas for choice 0 and, in capitals, for choice 1 in turn; "
        "finish_reason `stop` for 0, then `length` for 1, `[DONE]`",
        "",
        _choices,
    ),
    Pattern(
        "reasoning",
        "6 word deltas after three of reasoning_content; finish_reason `stop`, `[DONE]`",
        "",
        _reasoning,
    ),
    Pattern(
        "numbers",
        f"6 word deltas whose chunks were created at {BIG}, and have a field `x_ratio` of 0.1; "
        "finish_reason `stop`, `[DONE]`",
        "",
        _numbers,
    ),
    Pattern(
        "odd",
        "6 word deltas, before each a chunk without content: no choices, no delta, null delta, "
        "null content, empty content, no field `choices` at all; finish_reason `stop`, `[DONE]`",
        "",
        _odd,
    ),
    Pattern(
        "marker",
        "4 deltas whose text is or contains `[DONE]`; finish_reason `stop`, `[DONE]`",
        "",
        _marker,
    ),
    Pattern(
        "error:N",
        "N word deltas, then an error object: no finish_reason, no `[DONE]`",
        "3",
        _failing,
    ),
    Pattern(
        "huge:N", "one delta of N KiB (1 to 16384); finish_reason `stop`, `[DONE]`", "64", _huge
    ),
)
