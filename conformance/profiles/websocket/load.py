"""The load test of a chat: one client, one conversation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from conformance.profiles.load_client import Answered, Work
from conformance.profiles.websocket.bench import ChatBench


class ChatClient:
    """A client that asks a model through a chat backend."""

    def __init__(
        self,
        work: Work,
        bench: ChatBench,
        *,
        piece: tuple[str, str],
        reported: Callable[[Any], int | None] = lambda _message: None,
    ) -> None:
        """Prepare a client.

        piece: the key and the value that mark a piece of an answer.
        reported: the number of tokens that an answer's last message reports, or None.
        """
        self._work = work
        self._bench = bench
        self._piece = piece
        self._reported = reported
        self._chat = bench.connect()

    async def enter(self) -> None:
        """Connect, and get as far as asking."""
        await self._chat.__aenter__()
        await self._chat.prepare()

    async def ask(self) -> Answered:
        """Send a prompt, and wait for its whole answer."""
        await self._chat.prompt(self._work.prompt, self._work.pattern)
        began, place = time.monotonic(), len(self._chat.messages)
        await self._chat.answer()
        key, value = self._piece
        messages = self._chat.messages[place:]
        decoded = [json.loads(message.data) for message in messages]
        pieces = [
            message.at
            for message, content in zip(messages, decoded, strict=True)
            if content.get(key) == value
        ]
        first, last = (pieces[0], pieces[-1]) if pieces else (messages[-1].at, messages[-1].at)
        reported = self._reported(decoded[-1])
        gaps = tuple(after - before for before, after in pairwise(pieces))
        return Answered(first - began, last - began, len(pieces), reported, gaps)

    async def leave(self) -> None:
        """Close the connection."""
        await self._bench.aclose()
