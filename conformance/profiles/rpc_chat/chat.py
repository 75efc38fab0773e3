"""The client of a roleplay engine: it sets the stage, sends commands, and reads answers.

`command` sends a fence after a command, a `/model` with an unknown id, and takes
all messages before the answer to the fence: these are the command's replies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conformance.core.evidence import JournalEntry
from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt, plural
from conformance.profiles.bench import Bench
from conformance.profiles.rpc_chat.messages import (
    CHARACTER,
    EVENTS,
    GREETING,
    THINKING,
    WORLD,
    Answer,
    EngineMessage,
    listed,
    rows,
)
from conformance.profiles.websocket.checking import OWN
from conformance.profiles.websocket.conversation import Conversation
from conformance.profiles.websocket.model import Model, deltas, new_token

SHAPE = "a text message {event, payload: {content, metadata}} of a known event"

STAGE_ERROR = "Prepare the stage"
"""The reply to each prompt without a stage: it proves that the engine took a prompt."""


class RpcChat(Conversation):
    """A conversation with the engine."""

    def __init__(self, url: str, *, bench: Bench, model: Model) -> None:
        """Prepare a connection; bench: whose deadline it has, and who takes its findings."""
        super().__init__(url, deadline=bench.deadline, note=bench.note, model=model)
        self.state: dict[str, Any] = {}
        """The metadata of the last sync_state."""
        self.sync = ("sync_state", "")
        """A sync_state, as `replied` expects it: with the content of the greeting's."""
        self._greeted = self._answered = False
        self._mark = ""

    # Messages

    async def message(self, *, clause: str = "RC4", expected: str = "a message") -> EngineMessage:
        """The next message. Another shape ends the scenario (UNREADABLE)."""
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
        """Send a fence; the messages before its answer. clause: broken if it has none."""
        self.text(self.fence_text())
        return await self.until_fence(clause)

    async def silent(self, *, clause: str = OWN) -> None:
        """Check that no message arrived, and none arrives before the answer to a fence."""
        self.replied(await self.fence(), clause=clause)

    async def command(self, text: str) -> list[EngineMessage]:
        """Send a command; all its replies."""
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

    # Answers

    def prompt(self, text: str = "Who are you?", pattern: str = "") -> str:
        """Send a prompt that the mock API answers with this pattern; its token there."""
        token = new_token()
        self.ask(f"{text} {self.model.directive(pattern, token=token)}")
        return token

    async def chunks(self, count: int) -> list[EngineMessage]:
        """The next chunks; an announcement may precede them."""
        chunks: list[EngineMessage] = []
        expected = f"{plural(count, 'chunk')} of the answer"
        while len(chunks) < count:
            message = await self.message(clause="RC19", expected=expected)
            if message.event == "chat_chunk":
                chunks.append(message)
            else:
                announces = message.is_update() and message.content == THINKING
                self.check(
                    announces and not chunks,
                    "chunks",
                    expected="a chat_chunk",
                    actual=str(message),
                    clause="RC23" if announces else "RC18",
                )
        return chunks

    async def pieces(self, count: int) -> list[str]:
        """The next chunks' texts."""
        return [chunk.content for chunk in await self.chunks(count)]

    async def answer(self, *, clause: str | None = None) -> Answer:
        """All messages up to the answer's end.

        clause: the broken one if it does not arrive. By itself: a prompt right after an answer
        may be dropped (RC27), and an answer that has begun must end (RC20).
        """
        begins = ("RC27" if self._answered else "RC20") if clause is None else clause
        messages = [await self.message(clause=begins, expected="an answer, ended by chat_end")]
        while messages[-1].event != "chat_end":
            ends = "RC20" if clause is None else clause
            messages.append(await self.message(clause=ends, expected="a chat_end"))
        self._answered = True
        return Answer(tuple(messages))

    async def alone(self, pattern: str, *, clause: str | None = None) -> Answer:
        """The answer to a prompt in a session of its own."""
        await self.command("/session new")
        self.prompt(pattern=pattern)
        answer = await self.answer(clause=None if self._answered else clause)
        await self.command(f"/session delete {self.session}")
        return answer

    async def complete(self, token: str, answer: Answer, *, clause: str = "RC18") -> JournalEntry:
        """Check that an answer is exactly the model's text; return the request's journal entry."""
        entry = await self.model.asked_once(token)
        text = "".join(deltas(entry))
        self.check(
            answer.text == text,
            "text",
            expected=f"the model's text: {excerpt(text)}",
            actual=excerpt(answer.text),
            clause=clause,
        )
        self.check(
            not answer.others,
            "answer",
            expected="chat_chunks and a chat_end, nothing else",
            actual=listed(answer.others),
            clause=clause,
        )
        return entry

    async def works(self, clause: str) -> None:
        """Check that the next prompt gets a whole answer, and nothing else."""
        token = self.prompt()
        await self.complete(token, await self.answer(clause=clause), clause=clause)

    async def fails(self, pattern: str, *, after: int) -> None:
        """Check for an error after this many chunks, then a chat_end, then a working prompt."""
        await self.prepare()
        self.prompt(pattern=pattern)
        messages = await self.failure()
        self.require(
            messages[-1].event == "error",
            "error",
            expected="an error message",
            actual=listed(messages[-3:]),
            clause="RC36",
        )
        chunks = sum(message.event == "chat_chunk" for message in messages)
        self.check(
            chunks == after,
            "chunks",
            expected=f"{after} chunks before the error",
            actual=f"{chunks}",
            clause="RC18",
        )
        rest = await self.answer(clause="RC37")
        self.check(
            len(rest.messages) == 1 and rest.total == after,
            "end",
            expected=f"then one chat_end that counts {after}",
            actual=listed(rest.messages),
            clause="RC37",
        )
        await self.works("RC31")

    async def failure(self) -> list[EngineMessage]:
        """All messages up to the error, or to an end without one."""
        messages = [await self.message(clause="RC36", expected="an error")]
        while messages[-1].event not in ("error", "chat_end"):
            messages.append(await self.message(clause="RC36", expected="an error"))
        return messages
