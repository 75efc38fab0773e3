"""From a pattern string to what is answered.

A pattern is a name, or `name:ARGUMENT`. Each is described by one Pattern below,
which docs/patterns.md repeats for readers; a test holds the two together. The
same pattern answers `stream: true` with events and `stream: false` with one
object, so a pattern yields an Answer, which can be either.

No pattern sends a role delta first, as the API itself does: the counts in the
table are counts of content, and every event of an answer carries some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle, islice

from mock_api import openai
from mock_api.script import Framing, Script
from mock_api.steps import Write, spaced

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
"""A page: more than a line, less than a TLS record."""

MOST_DELTAS = 100_000
"""The largest N a pattern takes; it bounds what one request can make the mock compute."""


class PatternError(ValueError):
    """The pattern is unknown or malformed; the message says how and names the valid ones."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says about every answer."""

    chunks: int = 18
    delay: float = 0.0
    """Seconds before each event."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model is made to say."""

    deltas: tuple[str, ...]
    finish: str | None
    """None: the answer ends without a finish_reason, and without `[DONE]`."""

    def events(self) -> tuple[bytes, ...]:
        """The answer as server-sent events."""
        said = tuple(openai.event(openai.chunk({"content": text})) for text in self.deltas)
        if self.finish is None:
            return said
        return (*said, openai.event(openai.chunk({}, self.finish)), openai.DONE)

    def streamed(self, name: str, delay: float) -> Script:
        """The script for `stream: true`: one write an event."""
        return Script(
            headers=(
                ("content-type", "text/event-stream"),
                ("cache-control", "no-cache"),
                ("x-test-pattern-applied", name),
            ),
            steps=tuple(spaced(self.events(), delay=delay)),
        )

    def whole(self, name: str) -> Script:
        """The script for `stream: false`: one object."""
        said = openai.completion("".join(self.deltas), self.finish, len(self.deltas))
        return Script(
            headers=(("content-type", "application/json"), ("x-test-pattern-applied", name)),
            steps=(Write(openai.compact(said)),),
            framing=Framing.LENGTH,
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of the table of patterns."""

    name: str
    """As it is written, the argument in capitals: `abort:N`."""
    meaning: str
    example: str
    answer: Callable[[str, Options], Answer]
    """From the argument to the answer; ValueError says what the argument must be."""

    @property
    def word(self) -> str:
        """The part before the colon."""
        return self.name.partition(":")[0]

    @property
    def takes_argument(self) -> bool:
        return ":" in self.name


def words(count: int) -> tuple[str, ...]:
    """The ordinary text as `count` deltas; the space goes with the word after it."""
    text = islice(cycle(WORDS), count)
    return tuple(word if index == 0 else f" {word}" for index, word in enumerate(text))


def _count(argument: str) -> int:
    if not (argument.isascii() and argument.isdigit()) or int(argument) > MOST_DELTAS:
        raise ValueError(f"N is a decimal number from 0 to {MOST_DELTAS}")
    return int(argument)


def _reason(argument: str) -> str:
    plain = argument.replace("_", "").replace("-", "")
    if not (plain.isascii() and plain.isalnum() and len(argument) <= 64):
        raise ValueError("REASON is 1 to 64 of A-Z a-z 0-9 _ -")
    return argument


def _ordinary(_: str, options: Options) -> Answer:
    return Answer(words(options.chunks), "stop")


def _unicode(_: str, options: Options) -> Answer:
    return Answer((*EMOJI, *CJK, *FOUR_BYTE, *MIXED), "stop")


def _short(_: str, options: Options) -> Answer:
    sizes = cycle((1, 2))
    deltas, rest = [], SHORT
    while rest:
        size = next(sizes)
        deltas.append(rest[:size])
        rest = rest[size:]
    return Answer(tuple(deltas), "stop")


def _long(_: str, options: Options) -> Answer:
    def page(number: int) -> str:
        line = f"This is part {number} of a long answer. "
        return (line * (LONG_BYTES // len(line) + 1))[:LONG_BYTES]

    return Answer((page(1), page(2), page(3)), "stop")


def _abort(argument: str, options: Options) -> Answer:
    return Answer(words(_count(argument)), None)


def _finish(argument: str, options: Options) -> Answer:
    return Answer(words(6), _reason(argument))


PATTERNS = (
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
        "unicode",
        _unicode,
    ),
    Pattern(
        "short",
        f'"{SHORT}" one and two bytes a delta in turn; finish_reason `stop`, `[DONE]`',
        "short",
        _short,
    ),
    Pattern(
        "long",
        f"3 deltas of {LONG_BYTES} bytes; finish_reason `stop`, `[DONE]`",
        "long",
        _long,
    ),
    Pattern(
        "abort:N",
        "N word deltas, then a clean end of the HTTP body: no finish_reason, no `[DONE]`",
        "abort:5",
        _abort,
    ),
    Pattern(
        "finish:REASON",
        "6 word deltas, finish_reason REASON, `[DONE]`",
        "finish:length",
        _finish,
    ),
)

_BY_WORD = {pattern.word: pattern for pattern in PATTERNS}

SCRIPT = "script:"
"""What a pattern begins with that names a script registered through the control API."""

VALID = ", ".join([*(pattern.name for pattern in PATTERNS if pattern.name), f"{SCRIPT}NAME"])
"""The names of all patterns, for people who mistyped one."""


def applied_name(text: str) -> str:
    """What `X-Test-Pattern-Applied` says."""
    return text or "default"


def answer(text: str, options: Options) -> Answer:
    """What the pattern (without its token) answers. Raises PatternError."""
    word, colon, argument = text.partition(":")
    pattern = _BY_WORD.get(word)
    if pattern is None:
        raise PatternError(f"unknown pattern {text[:200]!r}; there are: {VALID}")
    if bool(colon) != pattern.takes_argument:
        form = f"is written {pattern.name!r}" if colon == "" else "takes no argument"
        raise PatternError(f"malformed pattern {text[:200]!r}: {word!r} {form}; there are: {VALID}")
    try:
        return pattern.answer(argument, options)
    except ValueError as error:
        raise PatternError(
            f"malformed pattern {text[:200]!r}: in {pattern.name!r} {error}; there are: {VALID}"
        ) from None


@lru_cache(maxsize=512)
def script(text: str, options: Options, *, stream: bool) -> Script:
    """The pattern's script, made once. Raises PatternError."""
    said = answer(text, options)
    name = applied_name(text)
    return said.streamed(name, options.delay) if stream else said.whole(name)
