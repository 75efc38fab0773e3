"""The client of an rpc-chat backend: it sets the stage, gives commands, and reads answers.

Silence is never waited for. `command` sends a fence behind a command, a
`/model` with an id that no model has, and takes all that comes before the one
answer to that: these are the command's replies, whether none, one or three.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conformance.core.evidence import End, JournalEntry
from conformance.core.finding import Finding, ScenarioStopped
from conformance.core.quoting import excerpt, plural
from conformance.profiles.websocket.chat import Chat, ChatBench, new_token

EVENTS = (
    "system_update",
    "sync_state",
    "chat_history",
    "chat_chunk",
    "chat_end",
    "error",
)

GREETING = "✓ Engine ready."
CANCELLED = "✗ Stream cancelled by user."
THINKING = "..."

WORLD = "darkwood"
CHARACTER = "ranger"
"""What the engine's document chooses; a backend that lists others has its first one chosen."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the backend's."""

    event: str
    content: str
    metadata: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.event} {excerpt(self.content, 40)} {excerpt(json.dumps(self.metadata), 60)}"

    def is_update(self, part: str = "") -> bool:
        """Whether it is a system_update that says this."""
        return self.event == "system_update" and part in self.content


@dataclass(frozen=True, slots=True)
class Answer:
    """All that came in answer to a prompt, its chat_end last."""

    messages: tuple[Said, ...]

    @property
    def chunks(self) -> tuple[Said, ...]:
        """Its pieces."""
        return tuple(each for each in self.messages if each.event == "chat_chunk")

    @property
    def text(self) -> str:
        """Its pieces, joined."""
        return "".join(each.content for each in self.chunks)

    @property
    def total(self) -> Any:
        """What its chat_end counts."""
        return self.messages[-1].metadata.get("total_tokens")

    @property
    def others(self) -> tuple[Said, ...]:
        """What is neither chunk, end nor announcement."""
        return tuple(
            each
            for each in self.messages
            if each.event not in ("chat_chunk", "chat_end")
            and not (each.is_update() and each.content == THINKING)
        )


class RpcChat(Chat):
    """A conversation with the engine."""

    def __init__(self, bench: RpcBench, url: str) -> None:
        super().__init__(url, deadline=bench.deadline, note=bench.note)
        self.bench = bench
        self.state: dict[str, Any] = {}
        """The metadata of the last sync_state."""
        self._greeted = self._answered = False
        self._sync = ""

    # Messages

    async def said(self, *, clause: str = "RC4", expected: str = "a message") -> Said:
        """The next message. One of another shape ends the scenario (RC1)."""
        value = await self.take(clause=clause, expected=expected)
        match value:
            case {
                "event": str(event),
                "payload": {"content": str(content), "metadata": dict(more)},
            }:
                known = event in EVENTS and isinstance(self.messages[self._place - 1].data, str)
                said = Said(event, content, more)
            case _:
                known = False
        if not known:
            shape = "a text message {event, payload: {content, metadata}} of a known event"
            found = excerpt(self.messages[self._place - 1].data)
            raise self.failed("shape", clause="RC1", expected=shape, actual=found)
        if said.event == "sync_state":
            self.state = said.metadata
        return said

    async def greeted(self) -> None:
        """Take the greeting, whatever it is; `greeting` judges it."""
        for each in await self.fence("RC2"):
            if each.event == "sync_state":
                self._sync = each.content
        self._greeted = True

    async def greeting(self) -> tuple[Said, Said]:
        """The greeting's two messages (RC2)."""
        expected = "a system_update that says '✓ Engine ready.', then a sync_state"
        ready = await self.said(clause="RC2", expected=expected)
        sync = await self.said(clause="RC2", expected=expected)
        self._greeted, self._sync = True, sync.content
        self.expect(
            ready.is_update(GREETING) and sync.event == "sync_state",
            check="greeting",
            clause="RC2",
            expected=expected,
            actual=f"{ready}, {sync}",
        )
        return ready, sync

    def ask(self, text: str) -> None:
        """Send a prompt or a command, as a JSON object."""
        self.send({"prompt": text})

    # Commands

    async def fence(self, clause: str = "RC4") -> list[Said]:
        """What has come, or comes, before the answer to a command that changes nothing."""
        mark = f"no-such-model-{new_token()}"
        self.ask(f"/model {mark}")
        came: list[Said] = []
        while True:
            said = await self.said(clause=clause, expected=f"an answer to `/model {mark}`")
            if said.is_update(mark):
                return came
            came.append(said)

    async def command(self, text: str) -> list[Said]:
        """Send a command; all its replies."""
        self.ask(text)
        return await self.fence()

    async def staged(self) -> None:
        """Choose a world and a character and begin a session."""
        if not self._greeted:
            await self.greeted()
        world, character = self.choice("worlds", WORLD), self.choice("characters", CHARACTER)
        for each in (f"/world select {world}", f"/character select {character}", "/session new"):
            self.ask(each)
        updates = [each for each in await self.fence() if each.event == "system_update"]
        self.expect(
            len(updates) == 3 and world in updates[0].content and character in updates[1].content,
            check="staged",
            clause="RC5",
            expected=f"answers that name {world} and {character}, and one to /session new",
            actual=_list(updates),
        )

    def choice(self, kind: str, usual: str) -> str:
        """The one that the document chooses, if the backend has it or lists none."""
        ids = [each.get("id") for each in _dicts(self.state.get(f"available_{kind}"))]
        return usual if usual in ids or not ids else str(ids[0])

    @property
    def session(self) -> str:
        """The session's id."""
        return str(self.state.get("session_id", ""))

    def replied(self, replies: Sequence[Said], *expected: tuple[str, str], clause: str) -> bool:
        """Check that these are the replies, by event and content; return whether they are."""
        return self.expect(
            [(each.event, each.content) for each in replies] == list(expected),
            check="replies",
            clause=clause,
            expected="; ".join(f"{event} {content!r}" for event, content in expected) or "nothing",
            actual=_list(replies),
        )

    @property
    def sync(self) -> tuple[str, str]:
        """A sync_state, as `replied` expects it: with the content that the greeting's had."""
        return "sync_state", self._sync

    async def history(self, session: str | None = None) -> list[Any]:
        """What `/session continue` shows (of the own session, unless another is given)."""
        replies = await self.command(f"/session continue {session or self.session}")
        for each in replies:
            if each.event == "chat_history" and isinstance(each.metadata.get("history"), list):
                return list(each.metadata["history"])
        raise self.failed(
            "history", clause="RC10", expected="a chat_history", actual=_list(replies)
        )

    # Answers

    def prompt(self, text: str = "Who are you?", pattern: str = "") -> str:
        """Send a prompt which the mock API answers so; the token by which it is known there."""
        token = new_token()
        self.ask(f"{text} {self.bench.directive(pattern, token=token)}")
        return token

    async def chunks(self, count: int) -> list[Said]:
        """The next chunks; an announcement before them is left out."""
        found: list[Said] = []
        while len(found) < count:
            said = await self.said(
                clause="RC19", expected=f"{plural(count, 'chunk')} of the answer"
            )
            if said.event == "chat_chunk":
                found.append(said)
            else:
                thinks = said.is_update() and said.content == THINKING
                self.expect(
                    thinks and not found,
                    check="chunks",
                    clause="RC23" if thinks else "RC18",
                    expected="a chat_chunk",
                    actual=str(said),
                )
        return found

    async def answer(self, *, clause: str | None = None) -> Answer:
        """All up to the answer's end.

        clause: what is broken where it does not come; by itself: a prompt right after an answer
        may be lost (RC27), and an answer that has begun must end (RC20).
        """
        begins = clause or ("RC27" if self._answered else "RC20")
        taken = [await self.said(clause=begins, expected="an answer that ends with chat_end")]
        while taken[-1].event != "chat_end":
            taken.append(await self.said(clause=clause or "RC20", expected="a chat_end"))
        self._answered = True
        return Answer(tuple(taken))

    async def answered(self, token: str, answer: Answer, *, clause: str = "RC18") -> JournalEntry:
        """Check an answer that is complete against what the model said; the request's journal."""
        entry = await self.bench.asked_once(token)
        said = "".join(deltas(entry))
        self.expect(
            answer.text == said,
            check="text",
            clause=clause,
            expected=f"what the model said: {excerpt(said)}",
            actual=excerpt(answer.text),
        )
        self.expect(
            not answer.others,
            check="answer",
            clause=clause,
            expected="chat_chunks and a chat_end, nothing else",
            actual=_list(answer.others),
        )
        return entry

    async def works(self, clause: str) -> None:
        """Check that the next prompt is answered, whole and with nothing else in it."""
        token = self.prompt()
        await self.answered(token, await self.answer(clause=clause), clause=clause)


class RpcBench(ChatBench):
    """One scenario's hold on an rpc-chat backend."""

    @property
    def mocked(self) -> bool:
        """Whether the backend's model is the mock API."""
        return self.environment.manifest.declares("mock", self.environment.variant)

    def connect(self, url: str = "") -> RpcChat:
        """A conversation that is yet to be opened; with another instance where its URL is given."""
        chat = RpcChat(self, url or self.environment.instance.url)
        self._chats.append(chat)
        return chat

    def release(self) -> None:
        """Close every connection; a backend that broke the WebSocket protocol on any is noted."""
        super().release()
        for chat in self._chats:
            if chat.violation:
                expected = "frames as RFC 6455 has them"
                self.note(Finding("rfc6455", expected, chat.violation, chat.url, "RC1"))

    def directive(self, pattern: str = "", *, token: str | None = None) -> str:
        """As every bench's; nothing where the model would not understand it."""
        return super().directive(pattern, token=token) if self.mocked else ""

    def declares(self, need: str) -> bool:
        """Whether the manifest declares this capability."""
        return self.environment.manifest.declares(need, self.environment.variant)

    async def asked_once(self, token: str) -> JournalEntry:
        """The one request to the model, once it is over (RC24)."""
        entries = await self.upstream.wait(token, state="ended", within=self.left)
        if len(entries) != 1 or entries[0].end is End.RUNNING:
            raise self.refuted(
                check="asked_once",
                clause="RC24",
                expected="one request to the model, which is over",
                actual=f"{plural(len(entries), 'request')}"
                + ", of which one still runs" * any(e.end is End.RUNNING for e in entries),
            )
        return entries[0]

    async def let_go(self, token: str) -> None:
        """Check that the request to the model ends before the model has finished (RC30)."""
        entries = await self.upstream.wait(token, state="ended", within=self.left)
        if [each.end for each in entries] != [End.CLIENT_GONE]:
            raise self.refuted(
                check="let_go",
                clause="RC30" if entries else "RC24",
                expected="the one request to the model is given up",
                actual=", ".join(each.end.value for each in entries) or "the model was never asked",
            )

    def refuted(self, *, check: str, clause: str, expected: str, actual: str) -> ScenarioStopped:
        """Note a failed check on the model's side that ends the scenario."""
        finding = Finding(check, expected, actual, "the model's side", clause)
        return ScenarioStopped(self.note(finding))

    @property
    def left(self) -> float:
        """Seconds until the scenario's deadline."""
        return max(0.0, self.deadline - time.monotonic())


def deltas(entry: JournalEntry) -> list[str]:
    """The pieces of text that the mock API sent, none of them empty."""
    found = []
    for each in entry.events:
        try:
            choices = json.loads(each.data)["choices"]
        except (ValueError, KeyError, TypeError):
            continue
        found += [choice["delta"].get("content") or "" for choice in choices if choice.get("delta")]
    return [each for each in found if each]


def messages(entry: JournalEntry) -> list[dict[str, Any]]:
    """The messages that the model was asked with."""
    return _dicts(json.loads(entry.body).get("messages"))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _list(said: Sequence[Said]) -> str:
    return "; ".join(map(str, said)) or "nothing"
