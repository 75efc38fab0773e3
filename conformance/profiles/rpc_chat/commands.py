"""The messages and commands of a roleplay engine's client: it sets the stage.

`command` sends a fence after a command, a `/model` with an unknown id, and takes
all messages before the answer to the fence: these are the command's replies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt
from conformance.profiles.bench import Bench
from conformance.profiles.rpc_chat.messages import (
    CHARACTER,
    EVENTS,
    GREETING,
    WORLD,
    EngineMessage,
    listed,
    rows,
)
from conformance.profiles.websocket.checking import OWN
from conformance.profiles.websocket.conversation import Conversation
from conformance.profiles.websocket.model import Model, new_token

PAUSE = 0.1
"""Seconds after a chat_end in which an engine may drop messages: it still looks for a cancel."""

SHAPE = "a text message {event, payload: {content, metadata}} of a known event"

STAGE_ERROR = "Prepare the stage"
"""The reply to each prompt without a stage: it proves that the engine took a prompt."""


class Commands(Conversation):
    """A conversation with the engine, without its answers."""

    def __init__(self, url: str, *, bench: Bench, model: Model) -> None:
        """Prepare a connection; bench: whose deadline it has, and who takes its findings."""
        super().__init__(url, deadline=bench.deadline, note=bench.note, model=model)
        self.state: dict[str, Any] = {}
        """The metadata of the last sync_state."""
        self.sync = ("sync_state", "")
        """A sync_state, as `replied` expects it: with the content of the greeting's."""
        self._greeted = False
        self._ended = False
        """Whether an answer has ended, and no fence has followed it."""
        self._early: list[EngineMessage] = []
        """Messages that a fence took, and that belong to the next answer."""
        self._mark = self._spare = ""
        """The marks of the last fence, and of the last one whose answer does not matter."""

    # Messages

    async def message(self, *, clause: str = "RC4", expected: str = "a message") -> EngineMessage:
        """The next message. Another shape ends the scenario (UNREADABLE)."""
        if self._early:
            return self._early.pop(0)
        value = await self.take(clause=clause, expected=expected)
        match value:
            case {
                "event": str(event),
                "payload": {"content": str(content), "metadata": dict(metadata)},
            } if event in EVENTS and isinstance(self.taken, str):
                message = EngineMessage(event, content, metadata)
            case _:
                kind = FindingKind.UNREADABLE
                raise self.failed("shape", expected=SHAPE, actual=excerpt(self.taken), kind=kind)
        if event == "sync_state":
            self.state = metadata
        self._ended = self._ended or event == "chat_end"
        if self._spare and message.is_update(self._spare):
            return await self.message(clause=clause, expected=expected)
        return message

    async def begin(self) -> None:
        """Take the greeting, without judging it."""
        for message in await self.fence("RC2"):
            if message.event == "sync_state":
                self.sync = ("sync_state", message.content)
        self._greeted = True

    async def greeting(self) -> tuple[EngineMessage, EngineMessage]:
        """The greeting's two messages (RC2)."""
        expected = f"a system_update that says {GREETING!r}, then a sync_state"
        ready = await self.message(clause="RC2", expected=expected)
        sync = await self.message(clause="RC2", expected=expected)
        self._greeted, self.sync = True, ("sync_state", sync.content)
        self.check(
            ready.is_update(GREETING) and sync.event == "sync_state",
            "greeting",
            expected=expected,
            actual=listed((ready, sync)),
            clause="RC2",
        )
        return ready, sync

    def ask(self, text: str) -> None:
        """Send a prompt or a command, as a JSON object."""
        self.send({"prompt": text})

    # Commands

    def fence_text(self) -> str:
        """A command that selects an unknown model."""
        self._mark = f"no-such-model-{new_token()}"
        return f'{{"prompt": "/model {self._mark}"}}'

    async def until_fence(self, clause: str = "RC4") -> list[EngineMessage]:
        """The messages before the answer to the last fence."""
        expected = f"an answer to `/model {self._mark}`"
        before: list[EngineMessage] = []
        while not (message := await self.message(clause=clause, expected=expected)).is_update(
            self._mark
        ):
            before.append(message)
        return before

    async def fence(self, clause: str = "RC4") -> list[EngineMessage]:
        """Send a fence; the messages before its answer. clause: broken by a missing answer.

        An engine may drop the first message after an answer (RC27), which one scenario judges.
        So after an answer a spare fence takes its place.
        """
        if self._ended:
            await asyncio.sleep(PAUSE)
            self.text(self.fence_text())
            self._spare, self._ended = self._mark, False
        self.text(self.fence_text())
        return await self.until_fence(clause)

    async def _settle(self) -> None:
        """Send a fence after an answer; a further message belongs to the next answer."""
        if self._ended:
            self._early = await self.fence()

    async def silent(self, *, clause: str = OWN) -> None:
        """Check that no message arrived, and none arrives before the answer to a fence."""
        self.replied(await self.fence(), clause=clause)

    async def command(self, text: str) -> list[EngineMessage]:
        """Send a command; all its replies."""
        await self._settle()
        self.ask(text)
        return await self.fence()

    def replied(
        self, replies: Sequence[EngineMessage], *expected: tuple[str, str], clause: str = OWN
    ) -> bool:
        """Check the replies' events and contents; return whether they are these."""
        return self.check(
            [(reply.event, reply.content) for reply in replies] == list(expected),
            "replies",
            expected="; ".join(f"{event} {content!r}" for event, content in expected) or "nothing",
            actual=listed(replies),
            clause=clause,
        )

    async def prepare(self) -> None:
        """Choose a world and a character, and begin a session."""
        if not self._greeted:
            await self.begin()
        world, character = self.choice("worlds", WORLD), self.choice("characters", CHARACTER)
        for command in (f"/world select {world}", f"/character select {character}", "/session new"):
            self.ask(command)
        updates = [message for message in await self.fence() if message.is_update()]
        self.check(
            len(updates) == 3 and world in updates[0].content and character in updates[1].content,
            "staged",
            expected=f"answers that name {world} and {character}, and one to /session new",
            actual=listed(updates),
            clause="RC5",
        )

    def choice(self, kind: str, documented: str) -> str:
        """The document's choice, if the engine lists it or lists nothing; else its first one."""
        ids = [row.get("id") for row in rows(self.state.get(f"available_{kind}"))]
        return documented if documented in ids or not ids else str(ids[0])

    @property
    def session(self) -> str:
        """The session's id."""
        return str(self.state.get("session_id", ""))

    async def history(self) -> list[Any]:
        """The messages of the session that `/session continue` shows."""
        replies = await self.command(f"/session continue {self.session}")
        for reply in replies:
            if reply.event == "chat_history" and isinstance(reply.metadata.get("history"), list):
                return list(reply.metadata["history"])
        expected = "a chat_history"
        raise self.failed("history", expected=expected, actual=listed(replies), clause="RC10")
