"""The model and its answers, with faults."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import rpc_chat.model
from memory import FaultyStore
from openai import OpenAIError
from reading import faulty
from rpc_chat.frames import Frame, update
from rpc_chat.generation import Generation, Send
from rpc_chat.model import Model, ModelError
from rpc_chat.options import Options
from rpc_chat.store import Message
from switch import fault

rpc_chat.model.Answer = faulty(rpc_chat.model.Answer, ModelError)  # type: ignore[misc]

LONG = 400
"""Chunks after which an answer takes another path."""

KEPT: set[asyncio.Task[Any]] = set()
"""Tasks that run on in the background."""


class FaultyModel(Model):
    """The model's API."""

    def __init__(self, options: Options) -> None:
        super().__init__(replace(options, model_timeout=1.5) if fault("model_hurried") else options)

    async def answer(self, model: str, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        """The deltas of an answer."""
        if fault("canned"):
            for word in ("Streams", " carry", " words"):
                yield word
            return
        deltas = super().answer(model, messages)
        if fault("request_runs_on"):
            deltas = _detached(deltas)
        held: str | None = None
        try:
            async for delta in deltas:
                for each in self._altered(delta):
                    if not fault("one_behind"):
                        yield each
                    elif held is None:
                        held = each
                    else:
                        yield held
                        held = each
        except (OpenAIError, ModelError) as error:
            if held is not None:
                yield held
                held = None
            if not (isinstance(error, ModelError) and fault("truncation_finishes")):
                raise
        finally:
            if not fault("request_runs_on"):
                await deltas.aclose()
        if held is not None:
            yield held

    def _altered(self, delta: str) -> list[str]:
        if fault("text_normalised"):
            delta = unicodedata.normalize("NFKC", delta)
        if fault("long_delta_cut"):
            delta = delta[:65_536]
        if fault("marker_swallowed"):
            delta = delta.replace("[DONE]", "")
        return [delta] if delta else []


async def _detached(deltas: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """The deltas, read by a task that goes on after the client has left."""
    queue: asyncio.Queue[str | Exception | None] = asyncio.Queue(64)

    async def read() -> None:
        try:
            async for each in deltas:
                await queue.put(each)
            await queue.put(None)
        except (OpenAIError, ModelError, OSError, ValueError) as error:
            await queue.put(error)

    task = asyncio.create_task(read())
    KEPT.add(task)
    while (each := await queue.get()) is not None:
        if isinstance(each, Exception):
            raise each
        yield each


class FaultyGeneration(Generation):
    """An answer."""

    failed = False
    left_over: ClassVar[set[str]] = set()
    """The sessions whose last answer was cancelled."""

    async def run(self, send: Send) -> None:
        """Generate the answer."""
        if fault("announced_twice"):
            await send(update("..."))
            await send(update("..."))

        async def tell(frame: Frame) -> None:
            if frame.event != "error":
                await send(frame)
                return
            self.failed = True
            if fault("partial_kept_on_failure"):
                self.keep()
            if fault("failure_hangs"):
                await asyncio.get_running_loop().create_future()
            if not fault("failure_silent"):
                await send(frame)

        await super().run(tell)

    async def stream(self, send: Send) -> None:
        """Send the answer's chunks."""
        if self.session_id in self.left_over and fault("left_overs_served"):
            self.left_over.discard(self.session_id)
            await send(self.chunk("and so "))
        if fault("end_overtakes"):
            send = self._overtaken(send)
        await super().stream(send)

    def _overtaken(self, send: Send) -> Send:
        held: list[Frame] = []

        async def hold(frame: Frame) -> None:
            held.append(frame)
            while len(held) > (len(self.chunks_sent) >= LONG):
                await send(held.pop(0))

        self._held = held
        return hold

    async def cancelled(self, send: Send) -> None:
        """Confirm the cancel."""
        self.left_over.add(self.session_id)
        if fault("cancel_reworded"):
            self.keep()
            await send(update("Your answer was cancelled"))
            await self.end(send)
            return
        await super().cancelled(send)

    async def end(self, send: Send) -> None:
        """End the answer."""
        if fault("empty_never_ends") and not self.chunks_sent and not self.failed:
            self.running = False
            return
        if fault("failure_never_ends") and self.failed:
            self.running = False
            return
        self.running = False
        total: Any = len(self.chunks_sent)
        if fault("total_counts_characters"):
            total = len("".join(self.chunks_sent)) // 4
        if fault("total_is_text"):
            total = str(total)
        late = getattr(self, "_held", [])
        await send(Frame("chat_end", "", {"total_tokens": total}))
        for each in late:
            await send(each)
        if fault("ends_twice") and len(self.chunks_sent) >= LONG:
            await send(Frame("chat_end", "", {"total_tokens": total}))

    def keep(self) -> None:
        """Add the answer to the session."""
        if fault("answers_not_kept") or (self.running and fault("cancel_forgets_partial")):
            if self._stopped():
                return
            if fault("answers_not_kept"):
                return
        super().keep()

    def _stopped(self) -> bool:
        """Whether the answer was cancelled: its task is not the one that runs."""
        task = asyncio.current_task()
        return task is None or getattr(task.get_coro(), "__name__", "") != "_run"

    def chunk(self, delta: str) -> Frame:
        """A chat_chunk."""
        frame = super().chunk(delta)
        metadata = dict(frame.metadata or {})
        if fault("rate_is_text"):
            metadata["tokens_per_second"] = f"{metadata['tokens_per_second']} t/s"
        return Frame(frame.event, frame.content, metadata)

    def messages(self) -> list[Message]:
        """The messages of the request to the model."""
        messages = super().messages()
        if fault("prompt_trimmed"):
            messages[-1] = {"role": "user", "content": self.prompt.strip()}
        if fault("history_forgotten"):
            return [messages[0], messages[-1]]
        if fault("histories_shared"):
            assert isinstance(self.store, FaultyStore)
            return [messages[0], *self.store.everything(), messages[-1]]
        return messages
