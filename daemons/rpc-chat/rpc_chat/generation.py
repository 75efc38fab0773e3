"""A generation: the answer to one prompt, from its first chunk to its chat_end.

It runs in a task of its own, next to the reader of the same socket. It has no
queue: it reads the model's next delta after the socket accepted the last chunk.
A client that reads slowly therefore slows the model down. Cancelling the task ends
the request to the model. The connection then sends the messages that end the answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from openai import OpenAIError

from rpc_chat import catalogue
from rpc_chat.frames import Frame, Metadata, update
from rpc_chat.model import Model, ModelError, StoppedEarlyError
from rpc_chat.options import Flavour
from rpc_chat.stage import Stage
from rpc_chat.store import Message, Store

log = logging.getLogger("rpc_chat")

Send = Callable[[Frame], Awaitable[None]]

ERROR_CHARACTERS = 1000
"""Length of an error message for the client. Some APIs answer with a whole page of HTML."""


class Generation:
    """One answer."""

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
        """True until the generation sends its chat_end. A prompt that a client sends after it
        has read chat_end is therefore never dropped."""
        self.chunks_sent: list[str] = []
        """The chunks that were sent."""
        self.finish_reason = ""
        """Set if the API ended the answer at a limit."""
        self._messages: list[Message] = []
        self._first_at = 0.0

    async def run(self, send: Send) -> None:
        """Answer the prompt. The answer ends with a chat_end, also if the model fails."""
        self._messages = self.messages()  # before another client can add to the same session
        self.store.say(self.session_id, "user", self.prompt)
        if self.flavour is Flavour.DOCUMENTED:
            await send(update("..."))
        try:
            await self.stream(send)
        except StoppedEarlyError as stopped:
            self.finish_reason = str(stopped)
            self.keep()
        except (OpenAIError, ModelError) as error:
            reason = self.model.redaction(str(error)) or type(error).__name__
            first_line = reason.partition("\n")[0][:200]
            log.warning("the model failed: %s: %s", type(error).__name__, first_line)
            await send(Frame("error", reason[:ERROR_CHARACTERS]))
        else:
            self.keep()
        await self.end(send)

    async def stream(self, send: Send) -> None:
        """Send each delta of the model as a chunk."""
        async with aclosing(self.model.answer(self.stage.model, self._messages)) as deltas:
            async for delta in deltas:
                self.chunks_sent.append(
                    delta
                )  # first, because a cancel can interrupt the next line
                await send(self.chunk(delta))

    async def cancelled(self, send: Send) -> None:
        """Confirm a cancel after the task has ended. The session keeps the partial text."""
        self.keep()
        await send(update("✗ Stream cancelled by user."))
        await self.end(send)

    async def end(self, send: Send) -> None:
        """Send the chat_end."""
        self.running = False
        metadata: Metadata = {"total_tokens": len(self.chunks_sent)}
        if self.finish_reason:
            metadata["finish_reason"] = self.finish_reason
        await send(Frame("chat_end", "", metadata))

    def keep(self) -> None:
        """Add the answer to the session."""
        if self.chunks_sent:
            self.store.say(self.session_id, "assistant", "".join(self.chunks_sent))
            self.store.entitle(self.session_id, self.prompt)
        self.store.use(self.session_id)

    def chunk(self, delta: str) -> Frame:
        """The message for a delta. It has the stage's current model and the prompt's world."""
        now = time.monotonic()
        self._first_at = self._first_at or now
        passed = now - self._first_at
        rate = round(len(self.chunks_sent) / passed, 2) if passed else 0.0
        metadata = {"model": self.stage.model, "tokens_per_second": rate, "world_id": self.world_id}
        return Frame("chat_chunk", delta, metadata)

    def messages(self) -> list[Message]:
        """The request to the model: the stage, the session so far, and the prompt."""
        world = catalogue.WORLDS.get(self.world_id)
        character = catalogue.CHARACTERS.get(self.stage.character_id)
        lines = [
            "You are the narrator of an interactive story.",
            f"World: {world.name}. {world.scene}" if world else f"World: {self.world_id}",
            f"The user plays {character.name}. {character.persona}"
            if character
            else f"The user plays {self.stage.character_id}",
            *self.store.lore(self.world_id),
            *(catalogue.RULES[rule].text for rule in self.stage.rules if rule in catalogue.RULES),
        ]
        return [
            {"role": "system", "content": "\n".join(lines)},
            *self.store.history(self.session_id),
            {"role": "user", "content": self.prompt},
        ]
