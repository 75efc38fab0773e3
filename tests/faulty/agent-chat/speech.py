"""The model with faults."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import agent_chat.model
from agent_chat.history import Message
from agent_chat.model import Model, ModelError, OnText, Reply
from agent_chat.options import Options
from reading import faulty
from switch import fault

agent_chat.model.Answer = faulty(agent_chat.model.Answer, ModelError)  # type: ignore[misc]


class FaultyModel(Model):
    """The model."""

    def __init__(self, options: Options) -> None:
        super().__init__(replace(options, model_timeout=1.5) if fault("model_hurried") else options)

    async def answer(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], on_text: OnText
    ) -> Reply:
        """Ask the model."""
        spoken = _Spoken(on_text)
        if fault("whitespace_tidied"):
            messages = [
                {**each, "content": " ".join(each["content"].split())}
                if each["role"] == "user"
                else each
                for each in messages
            ]
        if fault("canned"):
            return Reply("", ())
        try:
            reply = await super().answer(messages, tools, spoken.add)
        except ModelError:
            if not fault("truncation_completes"):
                raise
            reply = Reply("".join(spoken.all), ())
        await spoken.end()
        return reply


class _Spoken:
    """Passes text on, with faults."""

    def __init__(self, on_text: OnText) -> None:
        self._on_text = on_text
        self._kept: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.all: list[str] = []

    async def add(self, text: str) -> None:
        """Pass one chunk on."""
        self.all.append(text)
        if fault("tokens_stripped"):
            text = text.strip() or text
        if fault("tokens_joined") or fault("last_token_lost"):
            self._kept.append(text)
            if fault("last_token_lost") and len(self._kept) > 1:
                await self._on_text(self._kept.pop(0))
        elif fault("tokens_overtake") and len(self.all) % 2 == 0:
            self._tasks.append(asyncio.create_task(self._later(text)))
        else:
            await self._on_text(text)

    async def _later(self, text: str) -> None:
        await self._on_text(text)

    async def end(self) -> None:
        """End the answer."""
        await asyncio.gather(*self._tasks)
        if self._kept and not fault("last_token_lost"):
            await self._on_text("".join(self._kept))
