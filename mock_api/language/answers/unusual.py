"""Unusual answers: their events are not only deltas, as those of some APIs."""

from __future__ import annotations

from typing import Any

from mock_api.language import openai
from mock_api.language.answer import (
    Answer,
    Call,
    Chunk,
    Options,
    Part,
    Pattern,
    Text,
    Thought,
    said,
)
from mock_api.language.answers.ordinary import words
from mock_api.language.named import number

SIX = words(6)

BIG = 2**63 + 1
"""Too large for a signed 64-bit integer, and not equal to any double."""

WEATHER = Call("call_1", "weather", ('{"city"', ':"Zü', 'rich"}'))


def _usage(_: str, options: Options) -> Answer:
    return Answer(tuple(map(Text, SIX)), usage=True)


def _role(_: str, options: Options) -> Answer:
    return said("", *SIX)


def _tools(_: str, options: Options) -> Answer:
    return Answer((WEATHER,), ("tool_calls",))


def _choices(_: str, options: Options) -> Answer:
    pairs = ((Text(text, 0), Text(text.upper(), 1)) for text in SIX)
    return Answer(tuple(part for pair in pairs for part in pair), ("stop", "length"))


def _reasoning(_: str, options: Options) -> Answer:
    return Answer((*map(Thought, words(3)), *map(Text, SIX)))


def _numbers(_: str, options: Options) -> Answer:
    return Answer(tuple(map(Text, SIX)), fields={"created": BIG, "x_ratio": 0.1})


def _odd(_: str, options: Options) -> Answer:
    base = openai.chunk({})
    choice: dict[str, Any] = {"index": 0, "finish_reason": None}
    empty = (
        {**base, "choices": []},
        {**base, "choices": [choice]},
        {**base, "choices": [{**choice, "delta": None}]},
        {**base, "choices": [{**choice, "delta": {"content": None}}]},
        {**base, "choices": [{**choice, "delta": {"content": "", "x_new": [1, {}]}}]},
        {"id": openai.ID, "x_new": {"choices": []}},
    )
    parts: list[Part] = []
    for chunk, text in zip(empty, SIX, strict=True):
        parts += (Chunk(chunk), Text(text))
    return Answer(tuple(parts))


def _marker(_: str, options: Options) -> Answer:
    return said("[DONE]", "data: [DONE]\n\n", "\n\ndata: [DONE]", " end")


def _failing(argument: str, options: Options) -> Answer:
    return Answer(tuple(map(Text, words(number(argument)))), (), fault="The model failed.")


def _huge(argument: str, options: Options) -> Answer:
    return said("x" * (1024 * number(argument, least=1, most=16 * 1024)))


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
