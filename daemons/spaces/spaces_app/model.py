"""The model: a client for an OpenAI-compatible API.

The import of this module takes a second, because it imports the API's client library.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import httpx2
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    DefaultAsyncHttpxClient,
)

from spaces_app.answer import Answer, ModelError
from spaces_app.payload import messages

DRAIN_SECONDS = 0.1
"""Limit for reading the rest of the response after `[DONE]`, so that its connection is reused."""


class Model:
    """A model behind an API. The app asks it once: the user sees a failure and can ask again."""

    def __init__(self, *, base: str | None, key: str, name: str) -> None:
        self.name = name
        self._client = AsyncOpenAI(
            base_url=base,
            api_key=key,
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(trust_env=False),
        )

    async def answer(self, payload: dict[str, Any], answer: Answer) -> AsyncGenerator[str, None]:
        """Ask the model and yield the pieces of its text. Closing the generator ends the request.

        answer: collects what else the API sends. Raises ModelError and openai's errors.
        """
        stream = await self._client.chat.completions.create(
            model=self.name, messages=messages(payload), stream=True
        )
        try:
            async with stream:
                received = stream.response.aiter_bytes()
                async for data in received:
                    for text in answer.feed(data):
                        yield text
                    if answer.ended:
                        await _drain(received)
                        break
        except httpx2.HTTPError as error:
            raise ModelError(f"the answer broke off: {type(error).__name__}") from error
        answer.close()

    @staticmethod
    def explain(error: Exception) -> str:
        """A failure in words for the user. The API's own words may repeat its key."""
        match error:
            case APIStatusError():
                return f"The model answered with status {error.status_code}"
            case APITimeoutError():
                return "The model did not answer in time"
            case APIConnectionError():
                return "The model cannot be reached"
            case ModelError():
                return "The model's answer broke off"
        return "The app failed"


async def _drain(received: AsyncIterator[bytes]) -> None:
    with contextlib.suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in received:
                pass
