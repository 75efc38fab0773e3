"""A client's connection with faults."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import Counter
from dataclasses import replace
from typing import ClassVar

from agent_chat.connection import Connection
from agent_chat.frames import CONTENT_CHARACTERS, FRAME_CHARACTERS, Frame, Message, Refusal
from agent_chat.turns import ClientLeftError, Request, Turns
from fastapi import WebSocket
from memory import SPEAKING
from switch import fault

LONGEST_THREAD_ID = 128

LONG = 30
"""Tokens of an answer after which the fault gathers them."""

KEPT_SECONDS = 1.0
"""Seconds for which the fault keeps a token: longer than any turn takes."""


class FaultyConnection(Connection):
    """An accepted socket."""

    newest: ClassVar[Connection | None] = None

    def __init__(self, socket: WebSocket, turns: Turns) -> None:
        super().__init__(socket, turns)
        FaultyConnection.newest = self
        self._last_thread = ""
        self._one_turn = asyncio.Lock()
        self._seen: set[str] = set()
        self._kept: dict[str, Frame] = {}
        self._queue: asyncio.Queue[Frame] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None
        self._said: Counter[str] = Counter()
        self._late: asyncio.Task[None] | None = None

    # Frames of the client

    async def serve(self) -> None:
        """Serve until the client leaves."""
        if fault("closes"):
            await self._socket.close()
            return
        if fault("greets"):
            await self._socket.send_text('{"type": "welcome"}')
        if fault("unbounded_queue"):
            self._writer = asyncio.create_task(self._write())
        try:
            await super().serve()
        finally:
            if self._writer:
                self._writer.cancel()
            if fault("interrupt_forgotten_on_reconnect"):
                for thread_id in self._seen:
                    self._turns.memory.approvals.drop(thread_id)

    async def take(self, data: str | bytes) -> None:
        """Handle one frame."""
        if fault("silent"):
            return
        if fault("binary_ends_server") and isinstance(data, bytes):
            os._exit(1)
        SPEAKING.set(str(id(self)))
        if fault("array_crashes") and data[:1] == "[":
            raise AttributeError("'list' object has no attribute 'get'")
        request = self.parse(data)
        if fault("unknown_type_ignored") and getattr(request, "code", "") == "unknown_type":
            return
        if request.thread_id:
            self._seen.add(request.thread_id)
            self._last_thread = request.thread_id
        if fault("leaving_unseen") and request.thread_id:
            await self.play(self._turns.admit(request))
            return
        await super().take(data)

    async def play(self, request: Request) -> None:
        """Play the turn of an admitted request."""
        if fault("threads_wait_for_each_other"):
            async with self._one_turn:
                await super().play(request)
        else:
            await super().play(request)

    def parse(self, data: str | bytes) -> Request:
        """The request of a frame."""
        if fault("json_before_size") and len(data) > FRAME_CHARACTERS:
            try:
                json.loads(data)
            except ValueError:
                return Refusal("invalid_json", "Invalid JSON: the frame cannot be parsed")
        if fault("null_sniffed") and isinstance(data, str) and data[:1] == "n":
            return Refusal("invalid_frame", "Expected an object")
        request = super().parse(data)
        if isinstance(request, Refusal):
            return self._forgiven(request, data)
        if isinstance(request, Message):
            return self._accepted(request, data)
        return request

    def _forgiven(self, refusal: Refusal, data: str | bytes) -> Request:
        if fault("thread_id_optional") and refusal.code == "invalid_thread_id":
            fields = json.loads(data)
            if "thread_id" not in fields:
                return super().parse(json.dumps({**fields, "thread_id": "default"}))
        if fault("approved_coerced") and refusal.code == "invalid_approved":
            fields = json.loads(data)
            return super().parse(json.dumps({**fields, "approved": bool(fields.get("approved"))}))
        if fault("thread_id_unchecked") and refusal.code == "invalid_thread_id":
            fields = json.loads(data)
            if isinstance(thread := fields.get("thread_id"), str) and thread:
                tame = re.sub(r"[^a-zA-Z0-9_-]", "_", thread)[:128]
                return super().parse(json.dumps({**fields, "thread_id": tame}))
        return refusal

    def _accepted(self, message: Message, data: str | bytes) -> Message:
        code = message.problem.code if message.problem else ""
        content = json.loads(data).get("content")
        if fault("longest_thread_id_refused") and len(message.thread_id) == LONGEST_THREAD_ID:
            problem = Refusal("invalid_thread_id", "thread_id is too long", message.thread_id)
            return replace(message, problem=problem)
        if fault("empty_content_accepted") and content == "":
            return replace(message, problem=None)
        blank = code == "invalid_content" and isinstance(content, str) and content != ""
        if (blank and fault("blank_content_accepted")) or (
            code == "content_too_long" and fault("long_content_accepted")
        ):
            return replace(message, content=content, problem=None)
        if fault("longest_content_refused") and len(message.content) == CONTENT_CHARACTERS:
            problem = Refusal("content_too_long", "content is too long", message.thread_id)
            return replace(message, problem=problem)
        return message

    async def stop(self) -> None:
        """End all turns."""
        if not fault("upstream_runs_on"):
            await super().stop()

    # Frames of the backend

    async def send(self, frame: Frame) -> None:
        """Send a frame, with faults."""
        for each in self._frames(frame):
            if fault("unbounded_queue"):
                self._queue.put_nowait(each)
            else:
                await self._send(each)
        if fault("error_closes_socket") and frame["type"] == "error":
            await self._socket.close(1011)

    def _frames(self, frame: Frame) -> list[Frame]:
        kind, thread_id = frame["type"], frame.get("thread_id", "")
        if kind == "token":
            return self._token(frame, thread_id)
        if kind == "tool_call":
            if fault("tool_call_missing"):
                return []
            if fault("args_as_text"):
                frame = {**frame, "args": json.dumps(frame["args"])}
            if fault("result_before_call") and frame["tool"] != "cancel_order":
                self._kept[thread_id] = frame
                return []
        if kind == "interrupt" and fault("interrupt_without_action"):
            frame = {name: value for name, value in frame.items() if name != "action"}
        if kind == "error" and fault("error_without_thread"):
            frame = {name: value for name, value in frame.items() if name != "thread_id"}
        if kind == "error" and fault("error_without_message"):
            frame = {name: value for name, value in frame.items() if name != "message_id"}
        if kind == "message_complete" and fault("complete_without_thread"):
            frame = {name: value for name, value in frame.items() if name != "thread_id"}
        if kind == "message_complete" and fault("usage_after_complete"):
            return [frame, {"type": "usage", "tokens": 1, "thread_id": thread_id}]
        kept = self._kept.pop(thread_id, None)
        if kept is None:
            return [frame]
        late = kept["type"] == "tool_call" or kind == "message_complete"
        return [frame, kept] if late else [kept, frame]

    def _token(self, frame: Frame, thread_id: str) -> list[Frame]:
        if fault("agent_missing"):
            frame = {name: value for name, value in frame.items() if name != "agent"}
        if fault("tokens_to_newest_thread"):
            frame = {**frame, "thread_id": self._last_thread}
        self._said[thread_id] += 1
        if not fault("completes_before_last_token") or self._said[thread_id] < LONG:
            return [frame]
        before, self._kept[thread_id] = self._kept.get(thread_id), frame
        self._late = asyncio.create_task(self._send_later(thread_id, frame))
        return [before] if before else []

    async def _send_later(self, thread_id: str, frame: Frame) -> None:
        await asyncio.sleep(KEPT_SECONDS)
        if self._kept.get(thread_id) is frame:
            await self._send(self._kept.pop(thread_id))

    async def _send(self, frame: Frame) -> None:
        if fault("binary_frames"):
            await self._socket.send_bytes(json.dumps(frame).encode())
            return
        newest = FaultyConnection.newest
        if fault("frames_to_newest_socket") and isinstance(newest, FaultyConnection):
            await Connection.send(newest, frame)
            return
        try:
            await super().send(frame)
        except ClientLeftError:
            if not fault("upstream_runs_on"):
                raise

    async def _write(self) -> None:
        while True:
            await self._send(await self._queue.get())
