"""The client of an agent-chat backend: it asks, approves, and reads turns.

A turn is all that comes up to a terminal frame. Silence is never waited for:
behind the last turn stands a fence, a message that is no JSON, whose one answer
is known. What comes before that answer came too much. An error where none
should be cites the rule of which it speaks itself, if it does: who is told of
the rate limit, and is far below it, has found that broken, and nothing else.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from conformance.core.evidence import End, JournalEntry
from conformance.core.finding import Finding, ScenarioStopped
from conformance.core.quoting import excerpt, plural
from conformance.core.script import (
    SingleScript,
    attempts,
    chunk,
    done,
    event,
    finish,
    finished,
    script,
)
from conformance.core.script import delta as text
from conformance.profiles.websocket.chat import Chat, ChatBench, new_token
from conformance.profiles.websocket.connection import Opcode

TERMINAL = ("message_complete", "interrupt", "interrupt_expired", "clarification", "error")
KNOWN = ("token", "tool_call", "tool_result", *TERMINAL)

Frame = dict[str, Any]

FENCE = "this is no JSON"

_ORDERS = itertools.count()

_TOLD = (("rate limit", "AC22"), ("expired", "AC37"))
"""Of which rule an error speaks, and what is broken where it should not."""


@dataclass(frozen=True, slots=True)
class Turn:
    """All that came in answer to a frame, its terminal frame last."""

    frames: tuple[Frame, ...]

    def of(self, kind: str) -> list[Frame]:
        """Its frames of this type."""
        return [each for each in self.frames if each["type"] == kind]

    @property
    def tokens(self) -> list[Any]:
        """Its pieces of text."""
        return [each.get("content") for each in self.of("token")]

    @property
    def text(self) -> str:
        """Its pieces, joined."""
        return "".join(map(str, self.tokens))

    @property
    def terminal(self) -> Frame:
        """What it ended with."""
        return self.frames[-1]

    def place(self, kind: str) -> int:
        """The index of its first frame of this type; the number of frames where there is none."""
        kinds = [each["type"] for each in self.frames]
        return kinds.index(kind) if kind in kinds else len(kinds)

    def __str__(self) -> str:
        return told(self.frames)


class AgentChat(Chat):
    """A conversation with the backend."""

    def __init__(self, bench: AgentBench, url: str) -> None:
        super().__init__(url, deadline=bench.deadline, note=bench.note)
        self.bench = bench

    # What a customer says

    def message(self, thread: str, content: object, **more: object) -> None:
        """Send a message, its content as it stands."""
        self.send({"type": "message", "thread_id": thread, "content": content, **more})

    def ask(
        self, thread: str, content: str = "Good morning!", pattern: str = "", **more: object
    ) -> str:
        """Send a message to which the mock API says this; its token there."""
        token = new_token()
        self.message(thread, f"{content} {self.bench.directive(pattern, token=token)}", **more)
        return token

    def decide(self, thread: str, approved: object, **more: object) -> None:
        """Answer the pending approval."""
        self.send({"type": "interrupt_response", "thread_id": thread, "approved": approved, **more})

    # What comes back

    async def said(self, *, clause: str = "AC7", expected: str = "a frame") -> Frame:
        """The next frame of a type that the contract knows; a backend may say more than that."""
        while (frame := await self.heard(clause=clause, expected=expected))["type"] not in KNOWN:
            pass
        return frame

    async def heard(self, *, clause: str, expected: str) -> Frame:
        """The next frame. What is none ends the scenario (AC1)."""
        await self.until(lambda: bool(self.untaken))  # or closed, which decides the clause
        value = await self.take(clause=self._silent(clause), expected=expected)
        data = self.messages[self._place - 1].data
        if not (isinstance(data, str) and isinstance(value, dict) and _kind(value)):
            shape = "a text message, a JSON object with a type"
            raise self.failed("shape", clause="AC1", expected=shape, actual=excerpt(data))
        return value

    async def turn(self, *, clause: str = "AC7") -> Turn:
        """All up to the next terminal frame."""
        frames = [await self.said(clause=clause, expected="a turn that ends")]
        while frames[-1]["type"] not in TERMINAL:
            frames.append(await self.said(clause=clause, expected=f"a terminal frame: {TERMINAL}"))
        return Turn(tuple(frames))

    async def ends(self, kind: str, *, clause: str, unless: str = "") -> Turn:
        """The next turn, which ends so. Ends the scenario otherwise.

        clause: what is broken otherwise; `unless`: what, where nothing comes at all.
        """
        turn = await self.turn(clause=unless or clause)
        self.kind(turn.terminal, kind, clause=clause)
        return turn

    def kind(self, frame: Frame, kind: str, *, clause: str) -> None:
        """Check that a terminal frame is of this type; ends the scenario otherwise."""
        if frame["type"] == kind:
            return
        said = str(frame.get("message", "")).lower() if frame["type"] == "error" else ""
        blamed = next((rule for words, rule in _TOLD if words in said), clause)
        raise self.failed(kind, clause=blamed, expected=f"a {kind}", actual=told([frame]))

    async def completes(self, thread: str, *, clause: str = "AC6", unless: str = "") -> Turn:
        """The next turn, which completes."""
        turn = await self.ends("message_complete", clause=clause, unless=unless or "AC7")
        self.expect(
            turn.terminal.get("thread_id") == thread,
            check="thread_id",
            clause="AC6",
            expected=f"message_complete with thread_id {thread}",
            actual=turn.terminal,
        )
        return turn

    async def refuses(self, *words: str, clause: str) -> Frame:
        """The next turn, which is one error whose message says one of these words."""
        turn = await self.turn(clause=clause)
        if len(turn.frames) > 1 or turn.terminal["type"] != "error":
            raise self.failed("error", clause=clause, expected="one error", actual=str(turn))
        message = turn.terminal.get("message")
        self.expect(
            isinstance(message, str)
            and (not words or any(each.lower() in message.lower() for each in words)),
            check="message",
            clause=clause,
            expected=f"an error that says {' or '.join(words) or 'what is wrong'}",
            actual=turn.terminal,
        )
        return turn.terminal

    async def interrupted(
        self, thread: str, action: str = "cancel_order", *, clause: str = "AC8"
    ) -> Turn:
        """The next turn, which asks whether this action is approved, and nothing more."""
        turn = await self.ends("interrupt", clause=clause)
        found = turn.terminal.get("thread_id"), turn.terminal.get("action")
        self.expect(
            found == (thread, action),
            check="interrupt",
            clause="AC8",
            expected=f"thread_id {thread}, action {action}",
            actual=turn.terminal,
        )
        if await self.fence(clause):
            raise ScenarioStopped(self.bench.findings[-1])
        return turn

    async def fence(self, clause: str) -> list[Frame]:
        """Check that nothing had come, nor comes before the answer to what is no JSON."""
        came = await self.leftover()
        self.expect(
            not came,
            check="silent",
            clause=clause,
            expected="nothing more",
            actual=told(came),
        )
        return came

    async def leftover(self) -> list[Frame]:
        """What had come, or comes, before the answer to what is no JSON."""
        self.text(FENCE)
        came: list[Frame] = []
        while True:
            expected = f"the answer to {FENCE!r}"
            said = await self.heard(clause="AC14", expected=expected)
            if said["type"] == "error" and "invalid json" in str(said.get("message")).lower():
                return came
            came.append(said)

    def says(self, turn: Turn, *deltas: str, clause: str = "AC3") -> bool:
        """Check a turn's tokens: these, one by one, each with its agent; whether so."""
        same = self.expect(
            turn.tokens == list(deltas),
            check="tokens",
            clause=clause,
            expected=f"tokens {excerpt(str(list(deltas)))}",
            actual=str(turn.tokens),
        )
        agents = [each.get("agent") for each in turn.of("token")]
        self.expect(
            all(isinstance(each, str) and each for each in agents),
            check="agent",
            clause="AC3",
            expected="an agent for each token",
            actual=agents,
        )
        return same

    def unmixed(self, turn: Turn, *others: str, clause: str) -> None:
        """Check that none of a turn's tokens is one of another turn's."""
        mixed = [each for each in turn.tokens if each in others]
        if mixed:
            expected = "none of another turn's tokens"
            raise self.failed("unmixed", clause=clause, expected=expected, actual=str(turn.tokens))

    async def works(self, clause: str, thread: str = "") -> None:
        """Check that a message is answered, whole, and by nothing else."""
        thread = thread or new_thread()
        pattern = await self.bench.saying("Still ", "here.")
        self.ask(thread, pattern=pattern)
        turn = await self.completes(thread, clause=clause, unless=clause)
        if self.bench.mocked:
            self.says(turn, "Still ", "here.")

    async def pong(self, payload: bytes) -> bool:
        """Send a ping and wait for a pong, or the connection's end; whether one came."""
        before = len(self.pongs)
        self.ping(payload)
        return await self.until(lambda: len(self.pongs) > before)

    @property
    def pongs(self) -> list[bytes]:
        """What pongs there were."""
        return [each.data for each in self.received if each.opcode is Opcode.PONG]

    def _silent(self, clause: str) -> str:
        """What is broken where nothing comes: after an error, a socket that was closed is that."""
        last = self.messages[self._place - 1].data if self._place else ""
        closed = self.ended or self.close_code is not None
        return "AC25" if closed and isinstance(last, str) and '"error"' in last else clause


class AgentBench(ChatBench):
    """One scenario's hold on an agent-chat backend."""

    @property
    def mocked(self) -> bool:
        """Whether the backend's model is the mock API."""
        return self.declares("mock")

    def declares(self, need: str) -> bool:
        """Whether the manifest declares this capability."""
        return self.environment.manifest.declares(need, self.environment.variant)

    def connect(self, url: str = "", **query: str) -> AgentChat:
        """A conversation that is yet to be opened; with another instance where its URL is given."""
        url = url or self.environment.instance.url
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query)
        chat = AgentChat(self, url)
        self._chats.append(chat)
        return chat

    def directive(self, pattern: str = "", *, token: str | None = None) -> str:
        """As every bench's; nothing where the model would not understand it."""
        return super().directive(pattern, token=token) if self.mocked else ""

    # What the model does

    async def saying(self, *deltas: str) -> str:
        """The pattern for a model that says this."""
        return await self.script(finished(*map(text, deltas))) if self.mocked else ""

    async def calling(self, tool: str, order: str, *deltas: str) -> str:
        """The pattern for a model that calls a tool on an order, and then says this."""
        return await self.script(attempts(call(tool, order), finished(*map(text, deltas))))

    async def asked(self, token: str) -> tuple[JournalEntry, ...]:
        """The requests to the model, at least one, once all are over (AC2)."""
        entries = await self.upstream.wait(token, state="ended", within=self.left)
        if not entries:
            raise self.refuted("asked", "AC2", "a request to the model", "none")
        return entries

    async def unasked(self, token: str, *, clause: str) -> None:
        """Check that there was no request to the model."""
        entries = await self.upstream.journal(token)
        if entries:
            found = plural(len(entries), "request")
            raise self.refuted("unasked", clause, "no request to the model", found)

    async def let_go(self, token: str, *, clause: str = "AC30") -> None:
        """Check that the request to the model ends before the model has finished."""
        entries = await self.upstream.wait(token, state="ended", within=self.left)
        if [each.end for each in entries] != [End.CLIENT_GONE]:
            found = ", ".join(each.end.value for each in entries) or "the model was never asked"
            expected = "the one request to the model is given up"
            raise self.refuted("let_go", clause if entries else "AC2", expected, found)

    def refuted(self, check: str, clause: str, expected: str, actual: str) -> ScenarioStopped:
        """Note a failed check beside the socket that ends the scenario."""
        finding = Finding(check, expected, actual, "the model's side", clause)
        return ScenarioStopped(self.note(finding))

    # REST

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """The status and the JSON that REST answers (its text where that is no JSON)."""
        parts = urlsplit(self.environment.instance.url)
        scheme = "https" if parts.scheme == "wss" else "http"
        url = f"{scheme}://{parts.netloc}/api/v1{path}"
        return await asyncio.to_thread(_get, url, headers or {}, self.left)

    async def executions(self, order: str) -> tuple[Any, Any]:
        """How often an action was executed on an order, and its status."""
        _, body = await self.get(f"/orders/{order}")
        data = body.get("data") if isinstance(body, dict) else None
        data = data if isinstance(data, dict) else {}
        return data.get("executions"), data.get("status")

    async def executed(self, order: str, times: int, *, clause: str) -> None:
        """Check how often an action was executed on an order, where that is told.

        Ends the scenario otherwise.
        """
        if not self.declares("rest=orders"):
            return
        found, status = await self.executions(order)
        if found != times:
            actual = f"{found}, its status is {status}"
            raise self.refuted("executed", clause, f"executed {plural(times, 'time')}", actual)

    @property
    def left(self) -> float:
        """Seconds until the scenario's deadline."""
        return max(0.0, self.deadline - time.monotonic())


def call(tool: str, order: str) -> SingleScript:
    """A script in which the model calls a tool, the arguments in three pieces."""
    arguments = json.dumps({"order_id": order})
    identity = {"id": f"call_{new_token()}", "type": "function"}
    pieces: list[dict[str, Any]] = [
        {**identity, "function": {"name": tool, "arguments": ""}},
        {"function": {"arguments": arguments[:5]}},
        {"function": {"arguments": arguments[5:]}},
    ]
    said = [event(chunk(tool_calls=[{"index": 0, **piece}])) for piece in pieces]
    return script(*said, finish("tool_calls"), done())


def history(entry: JournalEntry) -> list[dict[str, Any]]:
    """The messages that the model was asked with."""
    return list(json.loads(entry.body)["messages"])


def users(entry: JournalEntry) -> list[str]:
    """What the customer said, of the messages that the model was asked with."""
    return [str(each.get("content")) for each in history(entry) if each.get("role") == "user"]


def told(frames: Iterable[Frame]) -> str:
    """Frames for a report."""
    return excerpt("; ".join(json.dumps(each, ensure_ascii=False) for each in frames), 200)


def new_thread() -> str:
    """A thread that nobody else has."""
    return f"thread-{secrets.token_hex(6)}"


def new_order() -> str:
    """An order of the reference backend's that is under way, and that no other scenario has."""
    return f"{200 + next(_ORDERS) % 800}5"


def _kind(value: Frame) -> bool:
    return isinstance(value.get("type"), str)


def _get(url: str, headers: Mapping[str, str], within: float) -> tuple[int, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - http(s) only
        with opener.open(request, timeout=max(within, 0.1)) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read()
    except OSError as error:
        return 0, str(error)
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body.decode(errors="replace")
