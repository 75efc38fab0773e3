"""The ordinary answer, and answers that differ from it only in their text."""

from __future__ import annotations

from itertools import cycle, islice

from mock_api.language.answer import Answer, Options, Pattern, said
from mock_api.language.named import number

SENTENCE = (
    "Streams carry words one at a time and every word must arrive in order exactly as it left"
)
WORDS = tuple(SENTENCE.split())

EMOJI = ("😀", "🚀", "🎉", "🌍", "❤️", "👍🏽", "👩‍💻", "🇯🇵", "🔥", "🐍")
CJK = ("中", "文", "字", "符", "日", "本", "語", "한", "국", "어")
FOUR_BYTE = ("𝐀", "𝒜", "𝔸", "𝄞", "𐍈", "𠜎", "𡃁", "𪚥")
MIXED = (
    "Hello, 世界! 🌏\n",
    "naïve café – €5 “quoted” … ½\n",
    "e\u0301 is not é; ﬁ is not fi\n",
    "שלום مرحبا\n",
    "Ελληνικά Кириллица\n",
    "हिन्दी ไทย 한국어\n",
    '𝐀 𝄞 \\ "😀" \t/ 中\n',
)

SHORT = "Hello world! This is a test. Each chunk is small."

LONG_BYTES = 4096
"""Bytes of a page: more than a line, less than a TLS record."""


def words(count: int) -> tuple[str, ...]:
    """The ordinary text as `count` deltas; the space goes with the word after it."""
    text = islice(cycle(WORDS), count)
    return tuple(word if index == 0 else f" {word}" for index, word in enumerate(text))


def _reason(argument: str) -> str:
    plain = argument.replace("_", "").replace("-", "")
    if not (plain.isascii() and plain.isalnum() and len(argument) <= 64):
        raise ValueError("REASON is 1 to 64 of A-Z a-z 0-9 _ -")
    return argument


def _ordinary(_: str, options: Options) -> Answer:
    return said(*words(options.chunks))


def _unicode(_: str, options: Options) -> Answer:
    return said(*EMOJI, *CJK, *FOUR_BYTE, *MIXED)


def _short(_: str, options: Options) -> Answer:
    sizes = cycle((1, 2))
    deltas, rest = [], SHORT
    while rest:
        size = next(sizes)
        deltas.append(rest[:size])
        rest = rest[size:]
    return said(*deltas)


def _long(_: str, options: Options) -> Answer:
    def page(index: int) -> str:
        line = f"This is part {index} of a long answer. "
        return (line * (LONG_BYTES // len(line) + 1))[:LONG_BYTES]

    return said(page(1), page(2), page(3))


def _abort(argument: str, options: Options) -> Answer:
    return said(*words(number(argument)), finish=None)


def _finish(argument: str, options: Options) -> Answer:
    return said(*words(6), finish=_reason(argument))


ORDINARY_PATTERNS = (
    Pattern(
        "",
        "18 word deltas (`--chunks` changes that), finish_reason `stop`, `[DONE]`",
        "",
        _ordinary,
    ),
    Pattern(
        "unicode",
        "35 deltas: 10 emoji, 10 CJK, 8 four-byte characters, 7 mixed lines; "
        "finish_reason `stop`, `[DONE]`",
        "",
        _unicode,
    ),
    Pattern(
        "short",
        f'"{SHORT}" one and two bytes in each delta in turn; finish_reason `stop`, `[DONE]`',
        "",
        _short,
    ),
    Pattern("long", f"3 deltas of {LONG_BYTES} bytes; finish_reason `stop`, `[DONE]`", "", _long),
    Pattern(
        "abort:N",
        "N word deltas, then a clean end of the HTTP body: no finish_reason, no `[DONE]`",
        "5",
        _abort,
    ),
    Pattern("finish:REASON", "6 word deltas, finish_reason REASON, `[DONE]`", "length", _finish),
)
