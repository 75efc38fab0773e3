"""The connection of one client: it reads frames and runs their turns concurrently.

The reader never waits for a turn. It therefore notices a disconnect at once and cancels
the running turns, which closes their connections to the model. Frames to the client are
not queued: a turn waits until the socket accepts its frame. The number of concurrent
turns of a client is limited, which limits the memory that it can use.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

from fastapi import WebSocket, WebSocketDisconnect

from agent_chat import frames
from agent_chat.frames import Frame, Refusal
from agent_chat.turns import ClientLeftError, Request, Turns

UNDER_WAY = 100
"""Limit of one client's frames whose turns have not ended: about 3 MiB at 32 KiB each."""

CLOSE_SECONDS = 0.5
"""Time for a client that does not read to accept the close frame."""


class Connection:
    """An accepted socket."""

    def __init__(self, socket: WebSocket, turns: Turns) -> None:
        self._socket = socket
        self._turns = turns
        self._under_way: set[asyncio.Task[None]] = set()
        self._closing = False

    async def serve(self) -> None:
        """Serve the client until it disconnects."""
        try:
            while (event := await self._socket.receive())["type"] == "websocket.receive":
                if not self._closing:
                    await self.take(event.get("text") or event.get("bytes") or "")
        except ClientLeftError:
            pass
        finally:
            await self.stop()

    async def take(self, data: str | bytes) -> None:
        """Handle one frame of the client."""
        request = self.parse(data)
        if len(self._under_way) >= UNDER_WAY:
            busy = f"Too many messages at once: at most {UNDER_WAY} may wait for their answers."
            request = Refusal("too_many", busy, request.thread_id, request.message_id)
            await self.send(frames.refusal(request))
        elif request.thread_id is None:
            await self._turns.play(request, self.send)
        else:
            turn = asyncio.create_task(self.play(self._turns.admit(request)))
            self._under_way.add(turn)
            turn.add_done_callback(self._under_way.discard)

    def parse(self, data: str | bytes) -> Request:
        """Parse a frame."""
        return frames.parse(data)

    async def send(self, frame: Frame) -> None:
        """Send a frame and wait until the socket accepts it. Raises ClientLeftError."""
        try:
            await self._socket.send_text(json.dumps(frame, ensure_ascii=False))
        except (
            WebSocketDisconnect,
            RuntimeError,
        ):  # the client or the backend has closed the socket
            raise ClientLeftError from None

    async def stop(self) -> None:
        """End all turns."""
        turns = list(self._under_way)
        for turn in turns:
            turn.cancel()
        await asyncio.gather(*turns, return_exceptions=True)

    async def close(self, code: int) -> None:
        """End all turns and close the socket."""
        self._closing = True
        await self.stop()
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            await asyncio.wait_for(self._socket.close(code), CLOSE_SECONDS)

    async def play(self, request: Request) -> None:
        """Run the turn of an admitted request."""
        with contextlib.suppress(ClientLeftError):
            await self._turns.play(request, self.send)
