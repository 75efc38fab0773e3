"""A connection: it reads a client's messages in order and starts answers.

The reader never waits for an answer. It therefore notices a cancel or a disconnect
at once, and both end the request to the model. During an answer, the connection
drops every message except a cancel. The answer ends when the socket accepts its
chat_end. The connection takes every message that arrives after that.
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
    """The connection of one client."""

    def __init__(self, socket: ServerConnection, stage: Stage, engine: Engine) -> None:
        self.socket = socket
        self.stage = stage
        self.engine = engine
        self.generation: Generation | None = None
        self._task: asyncio.Task[None] | None = None
        self._preset_session = "" if stage.name else stage.session_id
        """The session that the stage started with. It is deleted if the client never uses it."""

    async def serve(self) -> None:
        """Serve the client until it disconnects."""
        try:
            await self.greet()
            await self.read()
        except ConnectionClosed:
            pass
        finally:
            await self.abandon()
            if self._preset_session:
                self.engine.store.delete_unused(self._preset_session)

    async def read(self) -> None:
        """Take each message as it arrives. Returns or raises ConnectionClosed at the end."""
        async for data in self.socket:
            await self.take(data)

    async def greet(self) -> None:
        """Send the two messages that every client receives first."""
        await self.send(update("✓ Engine ready.", status="ok"))
        await self.send(self.engine.commands.sync(self.stage))

    async def take(self, data: str | bytes) -> None:
        """Handle one message of the client."""
        log.debug("from %s: %r", self._peer, data)
        prompt = self.parse(data)
        if self.generation is not None and self.generation.running:
            if not isinstance(prompt, Refusal) and prompt.cancels:
                await self.cancel(self.generation)
        elif isinstance(prompt, Refusal):
            await self.send(Frame("error", prompt.reason))
        elif prompt.text.startswith("/"):
            for reply in self.engine.commands.run(self.stage, prompt.text):
                await self.send(reply)
        elif not self.stage.ready:
            await self.send(update("✗ Prepare the stage first (World, Char, Session)."))
        else:
            self.answer(prompt.text)

    def parse(self, data: str | bytes) -> Prompt | Refusal:
        """Parse a message."""
        return frames.parse(data)

    async def send(self, frame: Frame) -> None:
        """Send a message and wait until the socket accepts it. Raises ConnectionClosed."""
        encoded = frame.encode()
        log.debug("to %s: %s", self._peer, encoded)
        await self.socket.send(encoded)

    def answer(self, prompt: str) -> None:
        """Start an answer in a task of its own."""
        self.generation = self.engine.generation(prompt, self.stage)
        self._task = asyncio.create_task(self._run(self.generation))

    async def cancel(self, generation: Generation) -> None:
        """Stop the answer and confirm it after the request to the model has ended."""
        await self.abandon()
        await generation.cancelled(self.send)

    async def abandon(self) -> None:
        """Stop the current answer without a message."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    @property
    def _peer(self) -> str:
        address = self.socket.remote_address
        return f"{address[0]}:{address[1]}" if address else "a client"

    async def _run(self, generation: Generation) -> None:
        with contextlib.suppress(ConnectionClosed):
            try:
                await generation.run(self.send)
            except (asyncio.CancelledError, ConnectionClosed):
                raise
            except (
                Exception
            ):  # a bug in the engine costs one answer, and the client is not left waiting
                log.exception("an answer failed")
                await self.send(Frame("error", "The engine failed."))
                await generation.end(self.send)
