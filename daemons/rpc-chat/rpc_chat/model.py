"""The model, behind an OpenAI-compatible API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

from rpc_chat.options import Options
from rpc_chat.store import Message

CONNECT_SECONDS = 5.0


class ModelError(Exception):
    """The answer is none, or not all of it."""


class Model:
    """A model's API."""

    def __init__(self, options: Options) -> None:
        self._client = AsyncOpenAI(
            base_url=options.api_base,
            api_key=options.api_key,
            max_retries=0,  # the user is there and can ask again
            timeout=Timeout(options.model_timeout, connect=CONNECT_SECONDS),
            http_client=DefaultAsyncHttpxClient(trust_env=False),
        )

    async def answer(self, model: str, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        """The deltas that say something, each as soon as it came.

        Raises ModelError, and openai's errors. Closing the iterator ends the request.
        """
        asked: Any = messages
        finished = False
        async with await self._client.chat.completions.create(
            model=model, messages=asked, stream=True
        ) as stream:
            async for chunk in stream:
                # Typed loosely: of what providers really send, any field may be missing or null.
                choices: list[Any] = [each for each in chunk.choices or () if not each.index]
                for choice in choices:
                    if choice.delta is not None and choice.delta.content:
                        yield choice.delta.content
                    finished = finished or choice.finish_reason is not None
        if not finished:
            raise ModelError("the answer broke off: it has no finish_reason")

    async def close(self) -> None:
        """Close its connections."""
        await self._client.close()
