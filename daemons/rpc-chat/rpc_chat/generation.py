"""A generation: one prompt's answer, from its first chunk to its chat_end.

It runs in a task of its own, beside the reader of the same socket. Nothing is
queued: it reads the model's next delta when the socket took the last chunk, so
a client that reads slowly slows the model down. Ending the task ends the
request to the model; what is said then is the connection's matter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import httpx
from openai import OpenAIError

from rpc_chat import catalogue
from rpc_chat.frames import Frame, update
from rpc_chat.model import Model, ModelError
from rpc_chat.options import Flavour
from rpc_chat.stage import Stage
from rpc_chat.store import Message, Store

log = logging.getLogger("rpc_chat")

Send = Callable[[Frame], Awaitable[None]]

TOLD = 1000
"""Characters of an exception that a client is told: some hold a whole page of HTML."""


class Generation:
    """One answer under way."""

    def __init__(
        self, prompt: str, stage: Stage, store: Store, model: Model, *, flavour: Flavour
    ) -> None:
        self.prompt = prompt
        self.stage = stage
        self.store = store
        self.model = model
        self.flavour = flavour
        self.world_id = stage.world_id
        self.session_id = stage.session_id
        self.running = True
        """Until its chat_end is about to be sent: what a client sends before it, it can not
        have sent after it, and so loses no prompt."""
        self.said: list[str] = []
        """The chunks that were sent."""
        self._first_at = 0.0

    async def run(self, send: Send) -> None:
        """Answer; whatever the model does, the answer ends with a chat_end."""
        self.store.say(self.session_id, "user", self.prompt)
        if self.flavour is Flavour.DOCUMENTED:
            await send(update("..."))
        try:
            await self.stream(send)
        except (OpenAIError, ModelError, httpx.HTTPError, ValueError) as error:
            log.warning("the model failed: %s: %s", type(error).__name__, _first_line(error))
            await send(Frame("error", (str(error) or type(error).__name__)[:TOLD]))
        else:
            self.keep()
        await self.end(send)

    async def stream(self, send: Send) -> None:
        """Pass the model's answer on."""
        async with aclosing(self.model.answer(self.stage.model, self.messages())) as deltas:
            async for delta in deltas:
                self.said.append(delta)  # before it is sent: that may be cancelled half-way
                await send(self.chunk(delta))

    async def cancelled(self, send: Send) -> None:
        """Tell that it was stopped, after its task has ended; what was said is kept."""
        self.keep()
        await send(update("✗ Stream cancelled by user."))
        await self.end(send)

    async def end(self, send: Send) -> None:
        """Tell that nothing more comes."""
        self.running = False
        await send(Frame("chat_end", "", {"total_tokens": len(self.said)}))

    def keep(self) -> None:
        """Add the answer to the session."""
        if self.said:
            self.store.say(self.session_id, "assistant", "".join(self.said))
            self.store.entitle(self.session_id, self.prompt)
        self.store.use(self.session_id)

    def chunk(self, delta: str) -> Frame:
        """A delta as the client gets it; the model may be switched meanwhile, the world not."""
        now = time.monotonic()
        self._first_at = self._first_at or now
        passed = now - self._first_at
        rate = round(len(self.said) / passed, 2) if passed else 0.0
        metadata = {"model": self.stage.model, "tokens_per_second": rate, "world_id": self.world_id}
        return Frame("chat_chunk", delta, metadata)

    def messages(self) -> list[Message]:
        """What the model is told: the stage, and the session so far with the prompt last."""
        world = catalogue.WORLDS.get(self.world_id)
        character = catalogue.CHARACTERS.get(self.stage.character_id)
        lines = [
            "You are the narrator of an interactive story.",
            f"World: {world.name}. {world.scene}" if world else f"World: {self.world_id}",
            f"The user plays {character.name}. {character.persona}"
            if character
            else f"The user plays {self.stage.character_id}",
            *self.store.lore(self.world_id),
            *(catalogue.RULES[each].text for each in self.stage.rules if each in catalogue.RULES),
        ]
        earlier = self.store.history(self.session_id)[:-1]
        return [
            {"role": "system", "content": "\n".join(lines)},
            *earlier,
            {"role": "user", "content": self.prompt},
        ]


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
