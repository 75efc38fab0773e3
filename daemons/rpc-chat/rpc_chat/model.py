"""A client for the models' OpenAI-compatible APIs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

from rpc_chat.answer import Answer, ModelError
from rpc_chat.catalogue import ModelEntry
from rpc_chat.options import Options
from rpc_chat.redaction import Redaction
from rpc_chat.store import Message

__all__ = ["Model", "ModelError"]

log = logging.getLogger("rpc_chat")

CONNECT_SECONDS = 5.0

DRAIN_SECONDS = 0.1
"""Limit for reading the rest of the response after `[DONE]`, so that its connection is reused."""

EARLY = ("length", "content_filter")
"""The finish reasons of an answer that the model did not finish by itself."""


class StoppedEarlyError(Exception):
    """The API ended the answer at a limit. The text so far is valid; `str` is the reason."""


class Model:
    """All models of the configuration. Models with the same API share its connections."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._clients: dict[tuple[str, str], AsyncOpenAI] = {}
        self.redaction = Redaction(
            options.api_key, *(_key(entry) for entry in options.config.models.values())
        )

    async def answer(self, model: str, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        """Ask the model once and yield each piece of its answer as soon as it arrives.

        Closing the generator ends the request. Raises ModelError, StoppedEarlyError and openai's
        errors.
        """
        answer = Answer()
        asked: Any = messages
        client = self._client(model)
        log.debug("request to %s: %s %s", client.base_url, model, json.dumps(messages))
        try:
            stream = await client.chat.completions.create(model=model, messages=asked, stream=True)
            async with stream:
                received = stream.response.aiter_bytes()
                async for data in received:
                    for text in answer.feed(data):
                        yield text
                    if answer.ended:
                        await _drain(received)
                        break
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ModelError(f"the model's answer broke off: {reason}") from error
        answer.close()
        if answer.finish_reason in EARLY:
            raise StoppedEarlyError(answer.finish_reason)

    async def close(self) -> None:
        """Close the connections to the APIs."""
        for client in self._clients.values():
            await client.close()

    def _client(self, model: str) -> AsyncOpenAI:
        options = self._options
        entry = options.config.models.get(model)
        base = (entry and entry.api_base) or options.api_base
        key = (_key(entry) if entry else "") or options.api_key
        if (base, key) not in self._clients:
            self._clients[base, key] = AsyncOpenAI(
                base_url=base,
                api_key=key,
                max_retries=0,  # the user sees the error and can ask again
                timeout=Timeout(options.model_timeout, connect=CONNECT_SECONDS),
                http_client=DefaultAsyncHttpxClient(trust_env=False),
            )
        return self._clients[base, key]


def _key(entry: ModelEntry) -> str:
    return os.environ.get(entry.api_key_variable, "") if entry.api_key_variable else ""


async def _drain(received: AsyncIterator[bytes]) -> None:
    with contextlib.suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in received:
                pass
