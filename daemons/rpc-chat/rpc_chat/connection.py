"""A connection: reads a client's messages in order, and knows what is under way.

The reader never waits for an answer, so it sees a cancel at once, and also that
the client has left; both end the request to the model. While an answer is
streamed, everything but a cancel is dropped. It is over when its chat_end is
handed to the socket: what comes after that is taken, however fast it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from rpc_chat import frames
from rpc_chat.frames import Frame, Prompt, Refusal, update
from rpc_chat.generation import Generation
from rpc_chat.stage import Stage

if TYPE_CHECKING:
    from rpc_chat.engine import Engine

log = logging.getLogger("rpc_chat")


class Connection:
    """A socket that was accepted."""

    def __init__(self, socket: ServerConnection, stage: Stage, engine: Engine) -> None:
        self.socket = socket
        self.stage = stage
        self.engine = engine
        self.generation: Generation | None = None
        self._task: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Until the client leaves."""
        try:
            await self.greet()
            await self.read()
        except ConnectionClosed:
            pass
        finally:
            await self.abandon()

    async def read(self) -> None:
        """Take messages as they come. Raises ConnectionClosed, or returns, when none can."""
        async for data in self.socket:
            await self.take(data)

    async def greet(self) -> None:
        """What is said unasked."""
        await self.send(update("✓ Engine ready.", status="ok"))
        await self.send(self.engine.commands.sync(self.stage))

    async def take(self, data: str | bytes) -> None:
        """One message of the client's."""
        said = self.parse(data)
        if self.generation is not None and self.generation.running:
            if not isinstance(said, Refusal) and said.cancels:
                await self.cancel(self.generation)
        elif isinstance(said, Refusal):
            await self.send(Frame("error", said.reason))
        elif said.text.startswith("/"):
            for reply in self.engine.commands.run(self.stage, said.text):
                await self.send(reply)
        elif not self.stage.ready:
            await self.send(update("✗ Prepare the stage first (World, Char, Session)."))
        else:
            self.answer(said.text)

    def parse(self, data: str | bytes) -> Prompt | Refusal:
        """What the message says."""
        return frames.parse(data)

    async def send(self, frame: Frame) -> None:
        """Send it as soon as the client reads. Raises ConnectionClosed."""
        await self.socket.send(frame.encode())

    def answer(self, prompt: str) -> None:
        """Begin to answer."""
        self.generation = self.engine.generation(prompt, self.stage)
        self._task = asyncio.create_task(self._run(self.generation))

    async def cancel(self, generation: Generation) -> None:
        """Stop the answer, and tell so when the model has been let go."""
        await self.abandon()
        await generation.cancelled(self.send)

    async def abandon(self) -> None:
        """Stop the answer that is under way, without a word."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, generation: Generation) -> None:
        with contextlib.suppress(ConnectionClosed):
            try:
                await generation.run(self.send)
            except (asyncio.CancelledError, ConnectionClosed):
                raise
            except Exception:  # a bug of ours costs one answer, and nobody is left waiting
                log.exception("an answer failed")
                await self.send(Frame("error", "The engine failed."))
                await generation.end(self.send)
