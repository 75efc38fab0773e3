"""WSResponse: a message that a test expects to receive."""

from __future__ import annotations

import json
from typing import Any, Self

from conformance.ws.checked import checked, checked_seconds
from conformance.ws.content import Content, document_differences
from conformance.ws.frame import shown
from conformance.ws.rest_request import RestRequest
from conformance.ws.ws_barrier import WSBarrier
from conformance.ws.ws_message import WSMessage


class WSResponse(Content):
    """An expected message, and what the test sends once it has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.triggers: list[WSMessage | RestRequest] = []
        self.barriers: list[WSBarrier] = []
        self.predecessors: list[WSResponse] = []
        self.count: int | None = None
        self.terminator: WSResponse | None = None
        self.least = 0
        self.limit: float | None = None

    def with_trigger(self, message: WSMessage | RestRequest) -> Self:
        """Send this once the expectation is met; references read the message that met it."""
        self.triggers.append(checked("with_trigger", message, WSMessage, RestRequest))
        return self

    def with_barrier(self, barrier: WSBarrier) -> Self:
        """Once the expectation is met, wait for the other clients, then send the triggers."""
        self.barriers.append(checked("with_barrier", barrier, WSBarrier))
        return self

    def after(self, *responses: WSResponse) -> Self:
        """Ignore messages for this one until these expectations of the same test are met."""
        self.predecessors += [checked("after", response, WSResponse) for response in responses]
        return self

    def times(self, number: int) -> Self:
        """Expect this many messages; the last one sends the triggers."""
        if number < 1:
            raise ValueError(
                f"expected 1 or more, found {number} (times); forbid a message with "
                "WSTest.without_response"
            )
        self.count = number
        return self

    def until(self, response: WSResponse, *, at_least: int = 0) -> Self:
        """Collect messages until one fits `response`, which the test compares first.

        The test fails if it collects fewer than `at_least`, or another number than `times`.
        """
        self.terminator = checked("until", response, WSResponse)
        self.least = at_least
        return self

    def within(self, seconds: float) -> Self:
        """Limit the time until it is met, from the connection or from its predecessor."""
        self.limit = checked_seconds("within", seconds)
        return self

    def is_match(self, parsed: Any) -> bool:
        """Return whether a parsed document has every attribute; ignores raw text and bytes."""
        return not document_differences(self, parsed)

    def __str__(self) -> str:
        parts = []
        if self.whole is not None:
            parts.append(f"document {shown(self.whole[0])}")
        if self.raw is not None:
            parts.append(f"{self.raw[0]} {shown(self.raw[1])}")
        if self.attributes or not parts:
            parts.append(json.dumps(self.attributes, default=repr))
        if self.count is not None:
            parts.append(f"{self.count} times")
        if self.terminator is not None:
            parts.append(f"until {self.terminator}")
        return ", ".join(parts)
