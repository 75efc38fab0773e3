"""A user of a `spaces` website, who submits requests and asks how far they have come."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from conformance.profiles.websocket.http_user import Person, Reply

AUDIO = "http://127.0.0.1/a.wav"
"""An audio link; nobody fetches it."""


@dataclass(frozen=True, slots=True)
class Space:
    """A space."""

    id: str
    name: str

    @property
    def page(self) -> str:
        """The path of its page."""
        return f"/ai_project/{self.id}"

    @property
    def submit(self) -> str:
        """The path that takes its requests."""
        return f"/websockets/submit/{self.id}"


class User(Person):
    """Somebody who asks spaces."""

    def expect(self, holds: bool, reply: Reply, *, check: str, clause: str, expected: str) -> bool:
        """As Person.expect; a post that is taken for another site's is a matter of SP29."""
        foreign = reply.status == 403 and reply.asked.startswith("POST") and not reply.json
        if foreign and not holds:
            clause = "SP29"
        return super().expect(holds, reply, check=check, clause=clause, expected=expected)

    async def submit(self, space: Space, **fields: str) -> Reply:
        """Ask something, by default with a prompt and an audio link."""
        return await self.post(space.submit, fields or {"prompt": "a cat poem", "audio_url": AUDIO})

    async def asked(self, space: Space, *, clause: str = "SP12", **fields: str) -> str:
        """Ask something that must be accepted; the request's id. Raises ScenarioStopped."""
        return self.accepted(await self.submit(space, **fields), clause=clause)

    def accepted(self, reply: Reply, *, clause: str = "SP12") -> str:
        """Check that a submission was accepted; the request's id. Raises ScenarioStopped."""
        given = reply.json.get("request_id")
        if reply.status != 200 or reply.json.get("success") is not True:
            expected = "200 with success: true"
            clause = _limit(reply) or clause
            raise self.refuted(reply, check="accepted", clause=clause, expected=expected)
        expected = "a request_id that is a UUID"
        self.expect(is_uuid(given), reply, check="request_id", clause="SP12", expected=expected)
        return str(given)

    async def refused(self, reply: Reply, status: int, words: str = "", *, clause: str) -> bool:
        """Check that a submission was refused so, as JSON without `success` (SP12).

        words: the error's, exact in the variant `code` (SP36).
        """
        expected = f"status {status} with an `error`"
        holds = reply.status == status and isinstance(reply.json.get("error"), str)
        if self.expect(holds, reply, check="refused", clause=clause, expected=expected):
            self.expect(
                "success" not in reply.json,
                reply,
                check="no_success",
                clause="SP12",
                expected="no `success` in a refusal",
            )
            self.expect(
                words in reply.json["error"],
                reply,
                check="words",
                clause="SP36",
                expected=f"an error that says {words!r}",
            )
        return holds

    async def status(self, request: str, *, clause: str = "SP16") -> dict[str, Any]:
        """How far a request has come. Raises ScenarioStopped."""
        reply = await self.get(f"/websockets/status?request_id={request}")
        if reply.status != 200 or not isinstance(reply.json.get("status"), str):
            expected = "200 with the request's status"
            raise self.refuted(reply, check="status", clause=clause, expected=expected)
        return reply.json

    async def sees(
        self, request: str, state: str, result: object = ..., *, clause: str = "SP17"
    ) -> None:
        """Check a request's state, and its result unless that is left out."""
        reply = await self.get(f"/websockets/status?request_id={request}")
        holds = reply.status == 200 and reply.json.get("status") == state
        expected = f"status {state!r}"
        if result is not ...:
            holds = holds and reply.json.get("result") == result
            expected += f" with the result {result!r:.80}"
        if not holds:
            raise self.refuted(reply, check="sees", clause=clause, expected=expected)


def _limit(reply: Reply) -> str:
    """The clause of the limit that a submission was refused for, where none was reached."""
    if reply.status == 429:
        return "SP9"
    return "SP10" if reply.status == 403 and "error" in reply.json else ""


def is_uuid(value: object) -> bool:
    """Whether this is a UUID as text."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False
