"""Declaration: the public lists and settings of one client, which a run consumes and fills."""

from __future__ import annotations

import ssl
from typing import Any

from conformance.ws.checked import checked
from conformance.ws.matchers import Matcher
from conformance.ws.outcome import Outcome
from conformance.ws.rest_answer import RestAnswer
from conformance.ws.rest_request import RestRequest
from conformance.ws.transcript import Transcript
from conformance.ws.ws_barrier import WSBarrier
from conformance.ws.ws_message import WSMessage
from conformance.ws.ws_response import WSResponse


class Declaration:
    """One client of a WebSocket server, as data."""

    def __init__(self, uri: str) -> None:
        self.uri = checked("WSTest", uri, str)
        self.parameters: dict[Any, Any] = {}
        self.headers: dict[str, Any] = {}
        self.expected_responses: list[WSResponse] = []
        """The expectations that are not met yet; a run empties this list."""
        self.messages: list[WSMessage] = []
        self.requests: list[RestRequest] = []
        self.response_timeout: float | None = 10.0
        """Seconds to wait for each message; every message starts this timeout again."""
        self.message_timeout: float | None = 10.0
        self.request_timeout: float = 10.0
        self.test_timeout: float | None = 60.0
        """Seconds for the whole test, from the open connection on."""
        self.log_responses_on_error = False
        self.sent_messages: list[WSMessage] = []
        self.sent_requests: list[RestRequest] = []
        self.received_responses: list[WSResponse] = []
        """The expectations that were met, in that order."""
        self.received_json: list[str | bytes] = []
        """Every received message, as it arrived."""
        self.received_request_responses: list[RestAnswer] = []

        self.label = ""
        self.percent_encoding = False
        self.options: dict[str, Any] = {}
        self.subprotocols: list[str] = []
        self.tls: ssl.SSLContext | None = None
        self.ordered = False
        self.forbidden_responses: list[WSResponse] = []
        self.silence = 0.0
        self.listening = 0.0
        self.expected_close: tuple[int | Matcher | None, str | Matcher | None] | None = None
        self.variables: dict[str, Any] = {}
        self.barriers: list[WSBarrier] = []
        self.end_barriers: list[WSBarrier] = []
        self.report_on_error = False
        self.epilogue_done = False
        self.transcript = Transcript()
        self.outcome: Outcome | None = None
        """The result of the last run, for reports; None until a run ends."""

    @property
    def name(self) -> str:
        """The client's name in reports: its label, or else its uri."""
        return self.label or self.uri.strip()

    @property
    def has_epilogue(self) -> bool:
        """Whether the client still receives once every expectation is met."""
        return self.silence > 0 or self.listening > 0 or self.expected_close is not None

    def _check(self) -> None:
        """Raises ValueError for a declaration that cannot fail, or that cannot hold."""
        if self.forbidden_responses and not self.expected_responses and not self.has_epilogue:
            raise ValueError(
                "expected a test that receives messages, found one that never does "
                "(without_response); add with_response, keep_listening, expect_silence or "
                "expect_close"
            )
        for response in self.expected_responses:
            for predecessor in response.predecessors:
                if not any(predecessor is other for other in self.expected_responses):
                    raise ValueError(
                        f"expected a response of the same test, found {predecessor} (after); add "
                        "it with with_response"
                    )
