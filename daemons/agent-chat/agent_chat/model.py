"""The model: one streamed request to an OpenAI-compatible API.

The model passes text on piece by piece as it arrives and collects calls of tools. It
reads nothing more while a piece is being passed on. A client that reads slowly
therefore slows the API down and costs no memory. Cancelling the task closes the
connection, which tells the API to stop. The model sends a request once: the customer
sees an error and can ask again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

from agent_chat.answer import Answer
from agent_chat.calls import ModelError
from agent_chat.history import Call, Message
from agent_chat.options import Options

__all__ = ["Model", "ModelError", "OnText", "Reply"]

CONNECT_SECONDS = 10.0

DRAIN_SECONDS = 0.1
"""Limit for reading the rest of the response after `[DONE]`, so that its connection is reused."""

EARLY = ("length", "content_filter")
"""The finish reasons of an answer that the model did not finish by itself."""

OnText = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    text: str
    calls: tuple[Call, ...]
    stopped: str = ""
    """The limit at which the API ended the answer: `length` or `content_filter`."""


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
        """Ask the model. Awaits on_text with each piece of text before it reads more.

        Raises ModelError and openai's errors.
        """
        request: dict[str, Any] = {"model": self._name, "messages": list(messages), "stream": True}
        if tools:
            request["tools"] = list(tools)
        text: list[str] = []
        answer = Answer()
        try:
            async with await self._client.chat.completions.create(**request) as stream:
                received = stream.response.aiter_bytes()
                async for data in received:
                    for piece in answer.feed(data):
                        text.append(piece)
                        await on_text(piece)
                    if answer.ended:
                        await _drain(received)
                        break
        except httpx2.HTTPError as error:
            raise ModelError(f"the answer broke off: {type(error).__name__}") from error
        answer.close()
        stopped = answer.finish_reason if answer.finish_reason in EARLY else ""
        return Reply("".join(text), answer.calls.complete(), stopped)

    async def close(self) -> None:
        """Close the connections to the API."""
        await self._client.close()


async def _drain(received: AsyncIterator[bytes]) -> None:
    with contextlib.suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in received:
                pass
