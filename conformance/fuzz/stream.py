"""A random stream: its text, and the bytes that carry the text.

The strategy draws the text first, and then its form: the spelling of each chunk's JSON,
the lines of its event, what stands between events, and where the bytes are cut. So a
Stream knows its text without parsing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from conformance.core import script
from conformance.core.script import Script

BOM = b"\xef\xbb\xbf"

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NASTY_TEXT = st.lists(
    st.sampled_from(
        [
            "[DONE]",
            "data: ",
            "\n\n",
            "\r",
            "\r\n",
            "\u2028",
            "\x85",
            "\ufeff",
            "\0",
            "😀",
            "\\u0041",
        ]
    ),
    max_size=6,
).map("".join)
LARGE_TEXT = st.tuples(st.sampled_from("x€😀"), st.integers(4_000, 70_000)).map(
    lambda what: what[0] * what[1]
)
TEXT = st.one_of(ANY_TEXT, NASTY_TEXT, LARGE_TEXT)

LINE_END = st.sampled_from([b"\n", b"\r\n", b"\r"])

NOISE = st.sampled_from(
    [
        b": a comment",
        b":",
        b"id: 7",
        b"retry: 3000",
        b"unknown: field",
        b"id: 7\nretry: 10",
        b'event: ping\ndata: {"type":"ping"}',
    ]
)
"""Blocks without a part of the answer; their lines end like all others."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One upstream answer."""

    texts: tuple[str, ...]
    """The text of each delta, in order, without empty ones."""
    script: Script

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return {"texts": list(self.texts), "script": script.to_json(self.script)}


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Complete answers: finish_reason, and `[DONE]` or a clean end."""
    texts = draw(st.lists(TEXT, max_size=8))
    chunks = [_chunk({"content": text}) for text in texts]
    if draw(st.booleans()):
        chunks.insert(0, _chunk({"role": "assistant", "content": ""}))
    chunks.append(_chunk({}, draw(st.sampled_from(["stop", "length", "content_filter"]))))
    blocks = [draw(_event(chunk)) for chunk in chunks]
    if draw(st.booleans()):
        blocks.append(b"data: [DONE]")
    for place in sorted(draw(st.sets(st.integers(0, len(blocks) - 1), max_size=3)), reverse=True):
        blocks.insert(place, draw(NOISE))
    line_end = draw(LINE_END)
    mixed = draw(st.booleans())
    body = BOM if draw(st.integers(0, 9)) == 0 else b""
    for block in blocks:
        body += _ended(block, draw(LINE_END) if mixed else line_end)
    return Stream(
        texts=tuple(text for text in texts if text),
        script=script.script(*draw(_cut(body)), ending="clean"),
    )


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-fuzz",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "fuzz",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


@st.composite
def _event(draw: st.DrawFn, chunk: dict[str, Any]) -> bytes:
    """The lines of an event with this chunk, separated by LF, without the blank line."""
    fields = draw(st.permutations(list(chunk.items())))
    spelled = json.dumps(
        dict(fields),
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": ")])),
        indent=draw(st.sampled_from([None, None, None, 1])),
    )
    space = draw(st.sampled_from(["data: ", "data:"]))
    lines = [f"{space}{line}" for line in spelled.split("\n")]
    if draw(st.integers(0, 4)) == 0:
        lines.insert(
            draw(st.integers(0, len(lines))), draw(st.sampled_from(["id: 1", ": between"]))
        )
    return "\n".join(lines).encode()


def _ended(block: bytes, line_end: bytes) -> bytes:
    return block.replace(b"\n", line_end) + line_end * 2


@st.composite
def _cut(draw: st.DrawFn, body: bytes) -> list[script.Step]:
    """The body in pieces, cut anywhere; some pieces come a little later."""
    offsets = draw(st.sets(st.integers(1, max(1, len(body) - 1)), max_size=12))
    if len(body) < 400 and draw(st.integers(0, 9)) == 0:
        offsets = set(range(1, len(body)))
    steps: list[script.Step] = []
    for start, end in pairwise(sorted({0, *offsets, len(body)})):
        if start:
            late = draw(st.sampled_from([None, None, 0.001, 0.003]))
            steps.append(script.cut() if late is None else script.wait(late))
        steps.append(script.write(body[start:end]))
    return steps
