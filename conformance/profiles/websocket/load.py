"""The load test of a chat: one client, one conversation."""

from __future__ import annotations

import json
import time

from conformance.profiles.load_client import Answered, Work
from conformance.profiles.websocket.bench import ChatBench


class ChatClient:
    """A client that asks a model through a chat backend."""

    def __init__(self, work: Work, bench: ChatBench, *, piece: tuple[str, str]) -> None:
        """Prepare a client. piece: the key and the value that mark a piece of an answer."""
        self._work = work
        self._bench = bench
        self._piece = piece
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
        pieces = [each.at for each in messages if json.loads(each.data).get(key) == value]
        first, last = (pieces[0], pieces[-1]) if pieces else (messages[-1].at, messages[-1].at)
        return Answered(first - began, last - began, len(pieces))

    async def leave(self) -> None:
        """Close the connection."""
        await self._bench.aclose()
