"""The client of a support chat: it asks, approves, and reads turns.

A turn is all frames up to a terminal one. The fence is a message that is not
JSON, whose one answer is known. An unexpected error that names a rule breaks
that rule: a client far below the rate limit that receives a rate limit error has
found the rate limit broken, and nothing else.
"""

from __future__ import annotations

import re
import secrets

from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt
from conformance.profiles.agent_chat.frames import KNOWN, TERMINAL, Frame, Turn, listed
from conformance.profiles.agent_chat.orders import Rest
from conformance.profiles.bench import Bench
from conformance.profiles.websocket.checking import OWN
from conformance.profiles.websocket.conversation import Conversation
from conformance.profiles.websocket.model import Model, new_token

FENCE = "this is not JSON"

INNARDS = re.compile(r"Traceback|\.py\b|Error code|Exception|httpx|openai|sk-[a-z]", re.IGNORECASE)
"""Internal details that an error must not show to a customer."""

_RULES = (("rate limit", "AC22"), ("expired", "AC37"))
"""Words of an error, and the clause that it breaks where it is unexpected."""


class AgentChat(Conversation):
    """A conversation with the backend."""

    def __init__(self, url: str, *, bench: Bench, model: Model) -> None:
        """Prepare a connection; bench: whose deadline it has, and who takes its findings."""
        super().__init__(url, deadline=bench.deadline, note=bench.note, model=model)
        self.thread = new_thread()
        """The thread of `prompt`."""
        self.rest = Rest(bench)

    # What a customer sends

    def message(self, thread: str, content: object, **fields: object) -> None:
        """Send a message, its content unaltered."""
        self.send({"type": "message", "thread_id": thread, "content": content, **fields})

    def ask(
        self, thread: str, content: str = "Good morning!", pattern: str = "", **fields: object
    ) -> str:
        """Send a message that the mock API answers with this pattern; its token there."""
        token = new_token()
        self.message(thread, f"{content} {self.model.directive(pattern, token=token)}", **fields)
        return token

    async def prompt(self, text: str = "Good morning!", pattern: str = "") -> str:
        """Ask in this conversation's own thread."""
        return self.ask(self.thread, text, pattern)

    def decide(self, thread: str, approved: object) -> None:
        """Answer the pending approval."""
        self.send({"type": "interrupt_response", "thread_id": thread, "approved": approved})

    # Frames

    async def frame_of_turn(self, *, clause: str = "AC7", expected: str = "a frame") -> Frame:
        """The next frame of a type in the contract; a backend may send others."""
        while (frame := await self.any_frame(clause=clause, expected=expected))[
            "type"
        ] not in KNOWN:
            pass
        return frame

    async def any_frame(self, *, clause: str, expected: str) -> Frame:
        """The next frame. Another shape ends the scenario (UNREADABLE)."""
        await self.until(lambda: bool(self.untaken))  # or closed, which decides the clause
        frame = await self.take(clause=self._closed_after_error() or clause, expected=expected)
        self.require(
            isinstance(self.taken, str)
            and isinstance(frame, dict)
            and isinstance(frame.get("type"), str),
            "shape",
            expected="a text message, a JSON object with a type",
            actual=excerpt(self.taken),
            kind=FindingKind.UNREADABLE,
        )
        return dict(frame)

    def _closed_after_error(self) -> str | None:
        """The clause that a close right after an error breaks; None without one."""
        last = self.taken if self._place else ""
        closed = self.ended or self.close_code is not None
        return "AC25" if closed and isinstance(last, str) and '"error"' in last else None

    async def pieces(self, count: int) -> list[str]:
        """The content of the next tokens."""
        pieces = []
        for _ in range(count):
            frame = await self.frame_of_turn(clause="AC3", expected="a token")
            self.has_kind(frame, "token", clause="AC3")
            pieces.append(str(frame.get("content")))
        return pieces

    # Turns

    async def turn(self, *, clause: str = "AC7") -> Turn:
        """All frames up to the next terminal one."""
        frames = [await self.frame_of_turn(clause=clause, expected="a turn that ends")]
        while frames[-1]["type"] not in TERMINAL:
            expected = f"a terminal frame: {', '.join(TERMINAL)}"
            frames.append(await self.frame_of_turn(clause=clause, expected=expected))
        return Turn(tuple(frames))

    async def ends(self, kind: str, *, clause: str = OWN, missing: str = "") -> Turn:
        """The next turn, which ends with a frame of this type. Raises ScenarioStopped.

        clause: broken by another type; missing: broken by no turn at all, if it is another.
        """
        turn = await self.turn(clause=missing or clause)
        self.has_kind(turn.terminal, kind, clause=clause)
        return turn

    def has_kind(self, frame: Frame, kind: str, *, clause: str = OWN) -> None:
        """Check a frame's type. Raises ScenarioStopped."""
        text = str(frame.get("message", "")).lower() if frame["type"] == "error" else ""
        self.require(
            frame["type"] == kind,
            kind,
            expected=f"a {kind}",
            actual=listed([frame]),
            clause=next((rule for words, rule in _RULES if words in text), clause),
        )

    async def answer(self, *, clause: str | None = None) -> Turn:
        """The rest of the turn in this conversation's own thread, which completes."""
        return await self.completes(self.thread, clause=clause)

    async def completes(
        self, thread: str, *, clause: str | None = None, missing: str | None = None
    ) -> Turn:
        """The next turn, which completes.

        clause: broken by another end; missing: broken by no turn at all, by itself `clause`.
        Without a clause these are AC6 and AC7.
        """
        if clause is None:
            clause, missing = "AC6", "AC7"
        turn = await self.ends("message_complete", clause=clause, missing=missing or clause)
        self.check(
            turn.terminal.get("thread_id") == thread,
            "thread_id",
            expected=f"message_complete with thread_id {thread}",
            actual=turn.terminal,
            clause="AC6",
        )
        return turn

    async def refuses(self, *words: str, clause: str = OWN) -> Frame:
        """The next turn, which is one error whose message contains one of these words."""
        turn = await self.turn(clause=clause)
        self.require(
            len(turn.frames) == 1 and turn.terminal["type"] == "error",
            "error",
            expected="one error",
            actual=str(turn),
            clause=clause,
        )
        message = turn.terminal.get("message")
        self.check(
            isinstance(message, str)
            and (not words or any(word.lower() in message.lower() for word in words)),
            "message",
            expected=f"an error that says {' or '.join(words) or 'what is wrong'}",
            actual=turn.terminal,
            clause=clause,
        )
        return turn.terminal

    async def interrupted(self, thread: str, action: str = "cancel_order") -> Turn:
        """The next turn, which asks for this action's approval, and nothing more (AC8)."""
        turn = await self.ends("interrupt", clause="AC8")
        pending = turn.terminal.get("thread_id"), turn.terminal.get("action")
        self.check(
            pending == (thread, action),
            "interrupt",
            expected=f"thread_id {thread}, action {action}",
            actual=turn.terminal,
            clause="AC8",
        )
        frames = await self.fence()
        self.require(
            not frames, "silent", expected="nothing more", actual=listed(frames), clause="AC8"
        )
        return turn

    # Fences

    def fence_text(self) -> str:
        """A message that is not JSON."""
        return FENCE

    async def until_fence(self) -> list[Frame]:
        """The frames before the answer to the last fence."""
        before: list[Frame] = []
        while True:
            frame = await self.any_frame(clause="AC14", expected=f"the answer to {FENCE!r}")
            if frame["type"] == "error" and "invalid json" in str(frame.get("message")).lower():
                return before
            before.append(frame)

    async def fence(self) -> list[Frame]:
        """Send a fence; the frames before its answer."""
        self.text(FENCE)
        return await self.until_fence()

    async def silent(self, *, clause: str = OWN) -> bool:
        """Check that no frame arrived, and none arrives before the answer to a fence."""
        frames = await self.fence()
        return self.check(
            not frames, "silent", expected="nothing more", actual=listed(frames), clause=clause
        )

    # What an answer contains

    def says(self, turn: Turn, *deltas: str, clause: str = "AC3") -> None:
        """Check that a turn's tokens are these, one by one, each with its agent (AC3)."""
        self.check(
            turn.pieces == list(deltas),
            "tokens",
            expected=f"tokens {excerpt(str(list(deltas)))}",
            actual=turn.pieces,
            clause=clause,
        )
        self.check(
            all(isinstance(agent, str) and agent for agent in turn.agents),
            "agent",
            expected="an agent for each token",
            actual=turn.agents,
            clause="AC3",
        )

    def unmixed(self, turn: Turn, *others: str, clause: str = OWN) -> None:
        """Check that a turn has no token of another turn. Raises ScenarioStopped."""
        self.require(
            not any(token in others for token in turn.pieces),
            "unmixed",
            expected="no token of another turn",
            actual=turn.pieces,
            clause=clause,
        )

    async def alone(self, pattern: str, *, clause: str | None = None) -> Turn:
        """The answer to a message in a thread of its own."""
        thread = new_thread()
        self.ask(thread, pattern=pattern)
        return await self.completes(thread, clause=clause)

    async def works(self, clause: str = OWN, thread: str = "") -> None:
        """Check that a message gets a whole answer, and nothing else."""
        thread = thread or new_thread()
        self.ask(thread, pattern=await self.model.saying("Still ", "here."))
        turn = await self.completes(thread, clause=clause)
        if self.model.mocked:
            self.says(turn, "Still ", "here.")

    async def fails(self, pattern: str, *, after: int) -> None:
        """Check for one generic error after this many tokens, and for a thread that goes on."""
        await self.prompt(pattern=pattern)
        turn = await self.ends("error")
        message = turn.terminal.get("message")
        self.check(
            isinstance(message, str) and bool(message) and not INNARDS.search(message),
            "generic",
            expected="an error with a generic text",
            actual=turn.terminal,
        )
        self.check(
            len(turn.pieces) == after,
            "tokens",
            expected=f"{after} tokens before the error",
            actual=str(turn),
            clause="AC3",
        )
        await self.works(thread=self.thread)


def new_thread() -> str:
    """A thread that no other scenario uses."""
    return f"thread-{secrets.token_hex(6)}"
