"""A user of a `spaces` website: submits requests, and asks for their status."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from conformance.core.finding import FindingKind
from conformance.profiles.websocket.checking import OWN
from conformance.profiles.websocket.http_user import HttpUser, Reply

AUDIO = "http://127.0.0.1/a.wav"
"""An audio link; the website does not fetch it."""


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


class User(HttpUser):
    """A user of the website, logged in or not."""

    def check(
        self,
        holds: bool,
        name: str,
        *,
        expected: str,
        actual: object,
        clause: str | None = None,
        kind: FindingKind | None = None,
    ) -> bool:
        """As HttpUser.check; a 403 to a post that is taken for another site's breaks SP29."""
        if isinstance(actual, Reply) and actual.status == 403 and not actual.json:
            clause = "SP29" if actual.request.startswith("POST") else clause
        return super().check(
            holds, name, expected=expected, actual=actual, clause=clause, kind=kind
        )

    async def submit(self, space: Space, **fields: str) -> Reply:
        """Submit a request, by default with a prompt and an audio link."""
        return await self.post(space.submit, fields or {"prompt": "a cat poem", "audio_url": AUDIO})

    async def request(self, space: Space, *, clause: str = "SP12", **fields: str) -> str:
        """Submit a request, which the website must accept; its id. Raises ScenarioStopped."""
        return self.accepted(await self.submit(space, **fields), clause=clause)

    def accepted(self, reply: Reply, *, clause: str = "SP12") -> str:
        """Check that a submission was accepted; the request's id. Raises ScenarioStopped."""
        self.require(
            reply.status == 200 and reply.json.get("success") is True,
            "accepted",
            expected="200 with success: true",
            actual=reply,
            clause=_limit(reply) or clause,
        )
        request = reply.json.get("request_id")
        self.check(
            is_uuid(request),
            "request_id",
            expected="a request_id that is a UUID",
            actual=reply,
            clause="SP12",
        )
        return str(request)

    def refused(self, reply: Reply, status: int, words: str = "", *, clause: str = OWN) -> bool:
        """Check that a submission was refused with this status, as JSON without `success` (SP12).

        words: of the error; exact in the variant `code` (SP36). Returns whether it was refused.
        """
        error = reply.json.get("error")
        refused = self.check(
            reply.status == status and isinstance(error, str),
            "refused",
            expected=f"status {status} with an `error`",
            actual=reply,
            clause=clause,
        )
        if refused:
            self.check(
                "success" not in reply.json,
                "no_success",
                expected="a refusal without `success`",
                actual=reply,
                clause="SP12",
            )
            self.check(
                words in str(error),
                "words",
                expected=f"an error that says {words!r}",
                actual=reply,
                clause="SP36",
            )
        return refused

    async def status(self, request: str) -> dict[str, Any]:
        """The status of a request (SP16). Raises ScenarioStopped."""
        reply = await self.get(f"/websockets/status?request_id={request}")
        self.require(
            reply.status == 200 and isinstance(reply.json.get("status"), str),
            "status",
            expected="200 with the request's status",
            actual=reply,
            clause="SP16",
        )
        return reply.json

    async def sees(
        self, request: str, state: str, result: object = ..., *, clause: str = "SP17"
    ) -> None:
        """Check a request's state, and its result if one is given. Raises ScenarioStopped."""
        reply = await self.get(f"/websockets/status?request_id={request}")
        holds = reply.status == 200 and reply.json.get("status") == state
        expected = f"status {state!r}"
        if result is not ...:
            holds = holds and reply.json.get("result") == result
            expected += f" with the result {result!r:.80}"
        self.require(holds, "sees", expected=expected, actual=reply, clause=clause)


def _limit(reply: Reply) -> str:
    """The clause of the limit that a refusal names; empty for other refusals."""
    if reply.status == 429:
        return "SP9"
    return "SP10" if reply.status == 403 and "error" in reply.json else ""


def is_uuid(value: object) -> bool:
    """Whether the value is a UUID as text."""
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False
