"""The model: one streamed request to an OpenAI-compatible API.

Text is passed on chunk by chunk as it arrives; calls of tools come in pieces
and are put together. While a chunk is being passed on nothing more is read, so
a client that reads slowly slows the API down and costs no memory. When the
task is cancelled the connection is closed, which is how an API learns that
nobody wants the rest. A request is sent once: what failed is told to the
customer, who is there and can ask again.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from agent_chat.history import Call, Message
from agent_chat.options import Options

CONNECT_SECONDS = 10.0

OnText = Callable[[str], Awaitable[None]]


class ModelError(Exception):
    """The API answered with something that is no answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    text: str
    calls: tuple[Call, ...]


@dataclass(slots=True)
class _Pieces:
    """A call that is still arriving."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def add(self, piece: ChoiceDeltaToolCall) -> None:
        self.id = self.id or piece.id or ""
        if piece.function is not None:
            self.name += piece.function.name or ""
            self.arguments.append(piece.function.arguments or "")


class Whole:
    """Makes Unicode of what a provider cut between the halves of a UTF-16 pair.

    JSON can say half a character ("\\ud83d"), and providers that count in UTF-16 do. The first
    half waits for the second; a half that stays alone becomes U+FFFD, and at
    the very end nothing.
    """

    def __init__(self) -> None:
        self._half = ""

    def add(self, text: str) -> str:
        """The text, with the half that waited, without one that has to wait."""
        text = self._half + text
        cut = len(text) - ("\ud800" <= text[-1:] <= "\udbff")
        self._half = text[cut:]
        if text.isascii():
            return text
        return text[:cut].encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Model:
    """A model behind an API."""

    def __init__(self, options: Options) -> None:
        self._name = options.model
        self._client = AsyncOpenAI(
            base_url=options.api_base,
            api_key=options.model_key,
            max_retries=0,
            timeout=Timeout(options.model_timeout, connect=CONNECT_SECONDS),
            http_client=DefaultAsyncHttpxClient(trust_env=False),
        )

    async def answer(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], on_text: OnText
    ) -> Reply:
        """Ask it; on_text is awaited with each chunk of text before more is read.

        Raises ModelError, and openai's errors.
        """
        request: dict[str, Any] = {"model": self._name, "messages": list(messages), "stream": True}
        if tools:
            request["tools"] = list(tools)
        text: list[str] = []
        calls: dict[int, _Pieces] = {}
        whole = Whole()
        finished = False
        stream = await self._client.chat.completions.create(**request)
        async with stream:
            async for chunk in stream:
                for choice in self._first_choice(chunk):
                    delta = choice.delta
                    if delta is not None and (said := whole.add(delta.content or "")):
                        text.append(said)
                        await on_text(said)
                    for piece in (delta and delta.tool_calls) or ():
                        calls.setdefault(piece.index, _Pieces()).add(piece)
                    finished = finished or choice.finish_reason is not None
        if not finished:
            raise ModelError("the answer broke off: it has no finish_reason")
        return Reply("".join(text), _calls([calls[index] for index in sorted(calls)]))

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()

    @staticmethod
    def _first_choice(chunk: ChatCompletionChunk) -> list[Any]:
        # Typed loosely: what a provider really sends has every field missing or null somewhere.
        return [choice for choice in chunk.choices or () if choice.index in (0, None)]


def _calls(pieces: Sequence[_Pieces]) -> tuple[Call, ...]:
    calls: dict[str, Call] = {}
    for index, each in enumerate(pieces):
        try:
            arguments = json.loads("".join(each.arguments) or "{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict) or not each.name:
            raise ModelError(f"call {index} of a tool has no name, or arguments that are no object")
        key = each.id if each.id and each.id not in calls else f"{each.id or 'call'}-{index}"
        calls[key] = Call(key, each.name, arguments)
    return tuple(calls.values())
