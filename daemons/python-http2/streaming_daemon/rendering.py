"""The two formats: the client's event for each chunk of the API."""

from __future__ import annotations

from enum import StrEnum

from llm_api.answer import Chunk, Render
from llm_api.writing import raw_event

from streaming_daemon import wire


class Format(StrEnum):
    """The format of the events that a client receives."""

    SIMPLE = "simple"
    """The text of choice 0."""
    OPENAI = "openai"
    """Every chunk object as the API wrote it, byte for byte: no decoder keeps its
    numbers and escapes as they are."""


def renderer(form: Format) -> Render:
    """The function that writes chunks in this format."""
    return _simple if form is Format.SIMPLE else _openai


def _simple(chunk: Chunk) -> bytes:
    return wire.text_event(chunk.text) if chunk.text else b""


def _openai(chunk: Chunk) -> bytes:
    return raw_event(chunk.raw)
