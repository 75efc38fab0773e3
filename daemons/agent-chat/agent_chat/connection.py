"""One client's socket: reads frames, plays their turns beside each other, ends them when it goes.

The reader never waits for a turn, so it sees at once that the client has left,
and then cancels what still runs: the model's connections are closed with it.
Nothing queues what is sent: a turn waits until the socket takes its frame.
What a client may have under way is bounded, and so is what it costs.
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
"""Frames of one client whose turns have not ended; at 32 KiB each, some 3 MiB."""

CLOSE_SECONDS = 0.5
"""For how long a client that does not read is given the chance to be told the close code."""


class Connection:
    """A socket that was accepted."""

    def __init__(self, socket: WebSocket, turns: Turns) -> None:
        self._socket = socket
        self._turns = turns
        self._under_way: set[asyncio.Task[None]] = set()
        self._closing = False

    async def serve(self) -> None:
        """Until the client leaves."""
        try:
            while (event := await self._socket.receive())["type"] == "websocket.receive":
                if not self._closing:
                    await self.take(event.get("text") or event.get("bytes") or "")
        except ClientLeftError:
            pass
        finally:
            await self.stop()

    async def take(self, data: str | bytes) -> None:
        """One frame of the client's."""
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
        """What the frame says."""
        return frames.parse(data)

    async def send(self, frame: Frame) -> None:
        """Send it as soon as the client reads. Raises ClientLeftError."""
        try:
            await self._socket.send_text(json.dumps(frame, ensure_ascii=False))
        except (WebSocketDisconnect, RuntimeError):  # gone; or closed by us
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
        """The turn of a request that was admitted."""
        with contextlib.suppress(ClientLeftError):
            await self._turns.play(request, self.send)
