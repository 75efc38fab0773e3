"""A connection with faults."""

from __future__ import annotations

import asyncio
import json
import time

from rpc_chat import frames
from rpc_chat.connection import Connection
from rpc_chat.frames import Frame, Prompt, Refusal
from rpc_chat.generation import Generation
from switch import fault
from websockets.exceptions import ConnectionClosed

CONNECTIONS: list[FaultyConnection] = []
"""All connections, in order of arrival."""


class FaultyConnection(Connection):
    """A client's connection."""

    async def serve(self) -> None:
        """Serve until the client leaves."""
        self._queue: asyncio.Queue[Frame] = asyncio.Queue()
        self._waiting: list[Prompt] = []
        self._backlog: list[str] = []
        self._ended_at = 0.0
        self._drops_next = False
        if fault("closes"):
            return
        CONNECTIONS.append(self)
        writer = asyncio.create_task(self._write())
        try:
            await super().serve()
        finally:
            CONNECTIONS.remove(self)
            writer.cancel()

    async def greet(self) -> None:
        """Send the greeting."""
        if fault("silent"):
            await asyncio.get_running_loop().create_future()
        await super().greet()
        if fault("greets_thrice"):
            await self.send(frames.update("Type / for commands."))
        if fault("arrivals_announced"):
            for each in CONNECTIONS:
                if each is not self and not each.stage.world_id:
                    await each.send(frames.update("Another client is here."))

    async def read(self) -> None:
        """Read messages."""
        if fault("utf8_unchecked"):
            while True:
                data = await self.socket.recv(decode=False)
                await self.take(data.decode(errors="replace"))
        if fault("fragments_are_messages"):
            while True:
                async for part in self.socket.recv_streaming(decode=False):
                    await self.take(part.decode(errors="replace"))
        await super().read()

    async def take(self, data: str | bytes) -> None:
        """Handle one message."""
        if self._drops_next:
            self._drops_next = False
            return
        busy = self.generation is not None and self.generation.running
        said = self.parse(data)
        if isinstance(said, Prompt) and not said.text.startswith("/"):
            if busy and fault("second_prompt_queued"):
                self._waiting.append(said)
                return
            if busy and fault("second_prompt_mixes"):
                self.answer(said.text)
                return
            if time.monotonic() < self._ended_at + 0.05 and fault("prompt_lost_after_end"):
                return
        if isinstance(said, Prompt) and said.cancels and fault("cancel_ignored"):
            return
        unknown = isinstance(said, Prompt) and said.text.startswith("/model no-such-model")
        if unknown and not busy and fault("pipelined_backwards"):
            assert isinstance(said, Prompt)
            self._backlog.append(said.text)
            asyncio.get_running_loop().call_later(0.05, self._answer_backlog)
            return
        await self._staged(data, said)

    async def _staged(self, data: str | bytes, said: Prompt | Refusal) -> None:
        prompt = isinstance(said, Prompt) and not said.text.startswith("/")
        idle = self.generation is None or not self.generation.running
        if idle and prompt and not self.stage.ready:
            if fault("half_a_stage_will_do") and self.stage.world_id:
                assert isinstance(said, Prompt)
                self.answer(said.text)
                return
            await super().take(data)
            if fault("stage_error_ends"):
                await self.send(Frame("chat_end", "", {"total_tokens": 0}))
            return
        await super().take(data)

    def _answer_backlog(self) -> None:
        backlog, self._backlog = self._backlog[::-1], []

        async def answer() -> None:
            for text in backlog:
                await Connection.take(self, json.dumps({"prompt": text}))

        self._backlog_task = asyncio.create_task(answer())

    def parse(self, data: str | bytes) -> Prompt | Refusal:
        """The prompt or the refusal of a message."""
        if fault("nesting_kills") and isinstance(data, str):
            json.loads(data) if data.startswith("[[") else None
        if fault("binary_taken") and isinstance(data, bytes):
            data = data.decode()
        said = frames.parse(data)
        if isinstance(said, Refusal) and fault("wrong_type_drops"):
            self.socket.transport.abort()
        if isinstance(said, Prompt) and not said.framed and fault("raw_text_refused"):
            return Refusal("Messages are JSON objects.")
        if isinstance(said, Prompt) and not said.text and fault("empty_prompt_refused"):
            return Refusal("'prompt' is missing.")
        return said

    async def send(self, frame: Frame) -> None:
        """Send a frame."""
        if fault("envelope_flat"):
            flat = {"event": frame.event, "content": frame.content, **(frame.metadata or {})}
            await self.socket.send(json.dumps(flat))
            return
        if frame.event == "chat_chunk" and fault("answers_to_the_newest"):
            await CONNECTIONS[-1].socket.send(frame.encode())
            return
        if fault("unbounded_queue"):
            self._queue.put_nowait(frame)
            return
        await super().send(frame)
        if frame.event == "chat_end":
            self._ended_at = time.monotonic()
            self._drops_next = fault("next_message_lost_after_end")
            if self._waiting:
                self.answer(self._waiting.pop(0).text)
        if frame.event == "sync_state" and fault("commands_broadcast"):
            for each in CONNECTIONS:
                if each is not self:
                    await each.socket.send(frame.encode())

    async def cancel(self, generation: Generation) -> None:
        """Cancel the answer."""
        if not fault("chunk_after_cancel"):
            await super().cancel(generation)
            return
        await self.abandon()
        generation.keep()
        await self.send(frames.update("✗ Stream cancelled by user."))
        await self.send(generation.chunk("more"))
        await generation.end(self.send)

    async def abandon(self) -> None:
        """Stop the answer, and send nothing."""
        if self.socket.close_code is not None and fault("leaving_unseen"):
            return
        await super().abandon()

    async def _write(self) -> None:
        try:
            while True:
                frame = await self._queue.get()
                await self.socket.send(frame.encode())
        except ConnectionClosed:
            pass
