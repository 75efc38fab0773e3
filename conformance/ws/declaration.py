"""WSTest: what one client does and expects, declared before it happens.

    test = (
        WSTest("wss://localhost")
        .with_parameter("name", "Rob")
        .with_response(WSResponse().with_attribute("message", "Rob has connected"))
    )
    await test.run()
    assert test.is_complete()

Every `with_` method changes the test and returns it. A run consumes the lists
of what is expected and to be sent, and fills those of what happened; all are
public. `with_`, `run` and `is_complete` are the interface of an older library,
whose tests run here unchanged; docs/ws.md tells what is new.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Self

from conformance.ws import running
from conformance.ws.barrier import WSBarrier
from conformance.ws.connection import Socket
from conformance.ws.conversation import Conversation
from conformance.ws.matchers import Matcher
from conformance.ws.matching import Matching
from conformance.ws.message import WSMessage
from conformance.ws.outcome import Outcome
from conformance.ws.paths import resolve
from conformance.ws.request import RestRequest
from conformance.ws.response import WSResponse
from conformance.ws.tls import unverified_context
from conformance.ws.transcript import Transcript

if TYPE_CHECKING:
    import httpx


class WSTest:
    """One client of a WebSocket server. It runs once."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.parameters: dict[Any, Any] = {}
        self.headers: dict[str, Any] = {}
        self.expected_responses: list[WSResponse] = []
        """What is still to come; a run empties it."""
        self.messages: list[WSMessage] = []
        self.requests: list[RestRequest] = []
        self.response_timeout: float | None = 10.0
        """Seconds to wait for each message; every message starts them anew."""
        self.message_timeout: float | None = 10.0
        self.request_timeout: float = 10.0
        self.test_timeout: float | None = 60.0
        """Seconds for all that happens on the open connection."""
        self.log_responses_on_error = False
        self.sent_messages: list[WSMessage] = []
        self.sent_requests: list[RestRequest] = []
        self.received_responses: list[WSResponse] = []
        """The expectations that were met, in that order."""
        self.received_json: list[str | bytes] = []
        """Every message received, as it arrived."""
        self.received_request_responses: list[httpx.Response] = []

        self.label = ""
        self.percent_encoding = False
        self.options: dict[str, Any] = {}
        self.subprotocols: list[str] = []
        self.tls: ssl.SSLContext | None = None
        self.ordered = False
        self.forbidden_responses: list[WSResponse] = []
        self.silence = 0.0
        self.listening = 0.0
        self.expected_close: tuple[Any, Any] | None = None
        self.variables: dict[str, Any] = {}
        self.barriers: list[WSBarrier] = []
        self.end_barriers: list[WSBarrier] = []
        self.report_on_error = False
        self.epilogue_done = False
        self.transcript = Transcript()
        self.matching = Matching(self)
        self.outcome: Outcome | None = None
        """What became of the last run, for reports; None before one ended."""

    @property
    def name(self) -> str:
        """What reports call this client: its name, or else its uri."""
        return self.label or self.uri.strip()

    # The connection

    def with_parameter(self, key: Any, value: Any) -> Self:
        """Add a query parameter to the uri, trimmed and otherwise as it is."""
        self.parameters[key] = value
        return self

    def with_percent_encoding(self) -> Self:
        """Percent-encode the parameters, and add them to a query that the uri already has."""
        self.percent_encoding = True
        return self

    def with_header(self, key: str, value: Any) -> Self:
        """Add a header to the handshake."""
        self.headers[key] = value
        return self

    def with_subprotocol(self, name: str) -> Self:
        """Offer a subprotocol; may be called again for the next."""
        self.subprotocols.append(name)
        return self

    def with_tls(self, context: ssl.SSLContext) -> Self:
        """Use this context for wss and, where they have none of their own, for the requests."""
        self.tls = context
        return self

    def without_tls_verification(self) -> Self:
        """Accept any certificate."""
        return self.with_tls(unverified_context())

    def with_option(self, name: str, value: Any) -> Self:
        """Pass a keyword on to websockets.connect: max_size, ping_interval, proxy …"""
        self.options[name] = value
        return self

    # What is expected

    def with_response(self, response: WSResponse) -> Self:
        """Expect a message. Of several that a message fits, the first declared counts."""
        self.expected_responses.append(response)
        return self

    def in_order(self) -> Self:
        """Count messages only for the first expectation that is not met yet."""
        self.ordered = True
        return self

    def without_response(self, response: WSResponse) -> Self:
        """Fail at once when such a message is received, as long as the test receives."""
        self.forbidden_responses.append(response)
        return self

    def expect_silence(self, seconds: float) -> Self:
        """When all else has happened, expect no message for so long; an end of it is silent."""
        self.silence = seconds
        return self

    def keep_listening(self, seconds: float) -> Self:
        """When all else has happened, go on receiving for so long, whatever it is."""
        self.listening = seconds
        return self

    def expect_close(
        self, code: int | Matcher | None = None, reason: str | Matcher | None = None
    ) -> Self:
        """When all else has happened, expect the server to close the connection so.

        1006 is an end without a close frame. The response timeout bounds the wait.
        """
        self.expected_close = (code, reason)
        return self

    # What is sent

    def with_message(self, message: WSMessage) -> Self:
        """Send a message, after those before it and without waiting for any response."""
        self.messages.append(message)
        return self

    def with_request(self, request: RestRequest) -> Self:
        """Send a REST request, after those before it."""
        self.requests.append(request)
        return self

    def with_variable(self, name: str, value: Any) -> Self:
        """Set what `${$name}` stands for."""
        self.variables[name] = value
        return self

    # Several clients

    def with_name(self, name: str) -> Self:
        """Say what reports shall call this client."""
        self.label = name
        return self

    def with_barrier(self, barrier: WSBarrier) -> Self:
        """Before connecting, wait at the barrier for the other clients."""
        self.barriers.append(barrier)
        return self

    def with_end_barrier(self, barrier: WSBarrier) -> Self:
        """Before closing the connection, wait at the barrier for the other clients."""
        self.end_barriers.append(barrier)
        return self

    # Bounds and reports

    def with_response_timeout(self, seconds: float | None) -> Self:
        """Bound the wait for each message."""
        self.response_timeout = seconds
        return self

    def with_message_timeout(self, seconds: float | None) -> Self:
        """Bound the sending of each message."""
        self.message_timeout = seconds
        return self

    def with_request_timeout(self, seconds: float) -> Self:
        """Bound connecting for each request, and each pause in its answer."""
        self.request_timeout = seconds
        return self

    def with_test_timeout(self, seconds: float | None) -> Self:
        """Bound all that happens on the open connection."""
        self.test_timeout = seconds
        return self

    def with_received_response_logging(self) -> Self:
        """Add every message received to the text of a response timeout."""
        self.log_responses_on_error = True
        return self

    def with_report_on_error(self) -> Self:
        """Add nearest misses and transcript to an error's text; its notes always have them."""
        self.report_on_error = True
        return self

    # Running

    async def run(self) -> None:
        """Connect, do and expect what is declared, close.

        Raises WSTimeoutError where something did not happen in time, WSExpectationError
        where something contradicts the declaration, ValueError where the declaration
        could never fail or hold, and what connecting, sending and receiving raise.
        """
        self._check()
        await running.run(self)

    def is_complete(self) -> bool:
        """Whether everything declared has happened. Triggers do not count."""
        owed = self.silence > 0 or self.listening > 0 or self.expected_close is not None
        return not (
            self.expected_responses
            or self.messages
            or self.requests
            or (owed and not self.epilogue_done)
        )

    def collected(self, response: WSResponse, path: str | None = None) -> list[Any]:
        """The documents that counted for this expectation, or their values at a path."""
        documents = [frame.document for frame in self.matching.collected(response)]
        if path is None:
            return documents
        return [value for each in documents for value in resolve(each, path)]

    async def _receive_handler(self, websocket: Socket, text: str | bytes) -> None:
        await Conversation(self, websocket).handle(text)

    def _check(self) -> None:
        listens = self.silence > 0 or self.listening > 0 or self.expected_close is not None
        if self.forbidden_responses and not self.expected_responses and not listens:
            raise ValueError(
                "without_response: expected that the test receives something, found that it never "
                "does: add with_response, keep_listening, expect_silence or expect_close"
            )
        for response in self.expected_responses:
            for each in response.predecessors:
                if not any(each is other for other in self.expected_responses):
                    raise ValueError(
                        f"after: expected a response of the same test, found {each}: add it "
                        "with with_response"
                    )
