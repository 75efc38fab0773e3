"""The model behind a chat backend: the mock API, steered by patterns and read by its journal."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from conformance.core.evidence import End, JournalEntry
from conformance.core.finding import Finding, FindingKind, ScenarioStopped
from conformance.core.quoting import plural
from conformance.core.script import Script, delta, finished
from conformance.profiles.bench import Bench

WHERE = "the model's side"
"""The place of a finding that the mock API's journal shows."""


class Model:
    """What a scenario makes the model answer, and what the model was asked."""

    def __init__(self, bench: Bench) -> None:
        environment = bench.environment
        self.mocked = environment.manifest.declares("mock", environment.variant)
        """Whether it is the mock API; another model understands no pattern."""
        self.tokens: dict[str, None] = {}
        """Those of the prompts so far, in order."""
        self.marks: list[tuple[float, str]] = []
        """What the scenario did to the model's answers, with its times."""
        self._bench = bench
        self._api = bench.upstream

    # What it answers

    def directive(self, pattern: str = "", *, token: str | None = None) -> str:
        """Text of a prompt that asks for this pattern; empty for another model."""
        if not self.mocked:
            return ""
        token = token or new_token()
        self.tokens[token] = None
        return f"[[test:{pattern};t={token}]]"

    async def playing(self, script: Script) -> str:
        """The pattern of a script; empty for another model."""
        return await self._bench.script(script) if self.mocked else ""

    async def saying(self, *deltas: str) -> str:
        """The pattern of an answer with these deltas."""
        return await self.playing(finished(*map(delta, deltas)))

    async def open_gate(self, token: str, count: int) -> None:
        """Let the answer go on up to this gate."""
        self.marks.append((time.monotonic(), f"gate {count} opened"))
        await self._api.open_gate(token, count)

    # What it was asked

    async def reached(self, token: str) -> None:
        """Wait until the request with this token has arrived."""
        await self._api.wait(token, state="received", within=self._left)

    async def asked(self, token: str) -> tuple[JournalEntry, ...]:
        """The requests with this token, once all are over (REQUEST without any)."""
        entries = await self._api.wait(token, state="ended", within=self._left)
        if not entries:
            raise self._failed("asked", "a request to the model", "none", FindingKind.REQUEST)
        return entries

    async def asked_once(self, token: str) -> JournalEntry:
        """The one request with this token, once it is over (REQUEST)."""
        entries = await self.asked(token)
        running = any(entry.end is End.RUNNING for entry in entries)
        if len(entries) != 1 or running:
            expected = "one request to the model, which is over"
            actual = plural(len(entries), "request") + ", of which one still runs" * running
            raise self._failed("asked_once", expected, actual, FindingKind.REQUEST)
        return entries[0]

    async def unasked(self, token: str, *, clause: str | None = None) -> None:
        """Check that there was not any request with this token. Raises ScenarioStopped."""
        if entries := await self._api.journal(token):
            actual = plural(len(entries), "request")
            raise self._failed("unasked", "no request to the model", actual, clause=clause)

    async def let_go(self, token: str, *, clause: str | None = None) -> None:
        """Check that the backend ends the request before the answer is over (RUNS_ON)."""
        # An endless answer's events would take long to fetch.
        entries = await self._api.wait(token, state="ended", within=self._left, brief=True)
        ends = [entry.end for entry in entries]
        if ends != [End.CLIENT_GONE]:
            kind = FindingKind.RUNS_ON if entries else FindingKind.REQUEST
            expected = "the backend closes its one request to the model"
            actual = ", ".join(end.value for end in ends) or "the model was not asked"
            raise self._failed("let_go", expected, actual, kind, clause if entries else None)

    def _failed(
        self,
        name: str,
        expected: str,
        actual: str,
        kind: FindingKind | None = None,
        clause: str | None = None,
    ) -> ScenarioStopped:
        finding = Finding(name, expected, actual, WHERE, clause, kind)
        return ScenarioStopped(self._bench.note(finding))

    @property
    def _left(self) -> float:
        return max(0.0, self._bench.deadline - time.monotonic())


def new_token() -> str:
    """A token for one exchange, by which the mock API's journal finds it."""
    return secrets.token_hex(8)


def deltas(entry: JournalEntry) -> list[str]:
    """The pieces of text that the mock API sent, without empty ones."""
    texts = []
    for event in entry.events:
        try:
            choices = json.loads(event.data)["choices"]
        except (ValueError, KeyError, TypeError):
            continue
        texts += [choice["delta"].get("content") or "" for choice in choices if choice.get("delta")]
    return [text for text in texts if text]


def messages(entry: JournalEntry) -> list[dict[str, Any]]:
    """The messages of the request."""
    asked = json.loads(entry.body).get("messages")
    return [message for message in asked if isinstance(message, dict)] if asked else []


def prompts(entry: JournalEntry) -> list[str]:
    """The contents of the request's user messages."""
    return [str(each.get("content")) for each in messages(entry) if each.get("role") == "user"]
