"""WSTest: the declared actions and expectations of one client.

    test = (
        WSTest("wss://localhost")
        .with_parameter("name", "Rob")
        .with_response(WSResponse().with_attribute("message", "Rob has connected"))
    )
    await test.run()
    assert test.is_complete()

Every `with_` method changes the test and returns it. A run consumes the lists of
expectations and sendings, and fills the lists of results; all of them are public. The
interface contains that of pywsitest; docs/ws.md lists the differences.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Self

from conformance.ws.checked import checked, checked_seconds
from conformance.ws.connection import Socket
from conformance.ws.conversation import Conversation
from conformance.ws.declaration import Declaration
from conformance.ws.matchers import Matcher
from conformance.ws.matching import Matching
from conformance.ws.paths import resolve
from conformance.ws.rest_request import RestRequest
from conformance.ws.running import run as run_test
from conformance.ws.tls import client_context, trust, unverified_context
from conformance.ws.ws_barrier import WSBarrier
from conformance.ws.ws_message import WSMessage
from conformance.ws.ws_response import WSResponse


class WSTest(Declaration):
    """One client of a WebSocket server. A test runs once."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.matching = Matching(self)

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
        """Offer a subprotocol; another call offers another one."""
        self.subprotocols.append(name)
        return self

    def with_trusted_certificate(self, path: str | Path) -> Self:
        """Trust this PEM file too: a server's certificate, or the authority that signed it."""
        return self.with_tls(trust(self.tls or client_context(), path))

    def with_tls(self, context: ssl.SSLContext) -> Self:
        """Use this context for wss, and for https requests without a context of their own."""
        self.tls = checked("with_tls", context, ssl.SSLContext)
        return self

    def without_tls_verification(self) -> Self:
        """Accept any certificate."""
        return self.with_tls(unverified_context())

    def with_option(self, name: str, value: Any) -> Self:
        """Pass a keyword to websockets.connect: max_size, ping_interval, proxy …"""
        self.options[name] = value
        return self

    # Expectations

    def with_response(self, response: WSResponse) -> Self:
        """Expect a message. A message that fits several expectations meets the first one."""
        self.expected_responses.append(checked("with_response", response, WSResponse))
        return self

    def in_order(self) -> Self:
        """Compare each message only with the first expectation that is not met yet."""
        self.ordered = True
        return self

    def without_response(self, response: WSResponse) -> Self:
        """Fail at once if such a message arrives while the test receives."""
        self.forbidden_responses.append(checked("without_response", response, WSResponse))
        return self

    def expect_silence(self, seconds: float) -> Self:
        """At the end, expect no message for this time; a close counts as silence."""
        self.silence = checked_seconds("expect_silence", seconds)
        return self

    def keep_listening(self, seconds: float) -> Self:
        """At the end, receive for this time; any message may arrive."""
        self.listening = checked_seconds("keep_listening", seconds)
        return self

    def expect_close(
        self, code: int | Matcher | None = None, reason: str | Matcher | None = None
    ) -> Self:
        """At the end, expect the server to close with this code and reason.

        1006 means an end without a close frame. The response timeout limits the wait.
        """
        self.expected_close = (code, reason)
        return self

    # Sendings

    def with_message(self, message: WSMessage) -> Self:
        """Send a message after the earlier ones; do not wait for a response."""
        self.messages.append(checked("with_message", message, WSMessage))
        return self

    def with_request(self, request: RestRequest) -> Self:
        """Send a REST request after the earlier ones."""
        self.requests.append(checked("with_request", request, RestRequest))
        return self

    def with_variable(self, name: str, value: Any) -> Self:
        """Set the variable that `${$name}` reads."""
        self.variables[name] = value
        return self

    # Several clients

    def with_name(self, name: str) -> Self:
        """Set the client's name in reports."""
        self.label = name
        return self

    def with_barrier(self, barrier: WSBarrier) -> Self:
        """Wait at the barrier for the other clients before connecting."""
        self.barriers.append(checked("with_barrier", barrier, WSBarrier))
        return self

    def with_end_barrier(self, barrier: WSBarrier) -> Self:
        """Wait at the barrier for the other clients before closing the connection."""
        self.end_barriers.append(checked("with_end_barrier", barrier, WSBarrier))
        return self

    # Timeouts and reports

    def with_response_timeout(self, seconds: float | None) -> Self:
        """Limit the wait for each message."""
        self.response_timeout = checked_seconds("with_response_timeout", seconds, endless=True)
        return self

    def with_message_timeout(self, seconds: float | None) -> Self:
        """Limit the sending of each message."""
        self.message_timeout = checked_seconds("with_message_timeout", seconds, endless=True)
        return self

    def with_request_timeout(self, seconds: float) -> Self:
        """Limit the connecting of each request, and each pause in its answer."""
        self.request_timeout = checked_seconds("with_request_timeout", seconds, endless=True)
        return self

    def with_test_timeout(self, seconds: float | None) -> Self:
        """Limit the whole test, from the open connection on."""
        self.test_timeout = checked_seconds("with_test_timeout", seconds, endless=True)
        return self

    def with_received_response_logging(self) -> Self:
        """Add every received message to the text of a response timeout."""
        self.log_responses_on_error = True
        return self

    def with_report_on_error(self) -> Self:
        """Add nearest misses and transcript to the text of an error, not only to its notes."""
        self.report_on_error = True
        return self

    # Running

    async def run(self) -> None:
        """Connect, perform the declaration, close.

        Raises WSTimeoutError if an event does not happen in time, WSExpectationError if the
        server contradicts the declaration, ValueError if the declaration makes no sense, and
        the errors of connecting, sending and receiving.
        """
        self._check()
        self.matching = Matching(self)
        await run_test(self, self.matching)

    def is_complete(self) -> bool:
        """Return whether every declared event has happened. Triggers do not count."""
        return not (
            self.expected_responses
            or self.messages
            or self.requests
            or (self.has_epilogue and not self.epilogue_done)
        )

    def collected(self, response: WSResponse, path: str | None = None) -> list[Any]:
        """Return the documents that counted for this expectation, or their values at a path."""
        documents = [frame.document for frame in self.matching.collected(response)]
        if path is None:
            return documents
        return [value for document in documents for value in resolve(document, path)]

    async def _receive_handler(self, websocket: Socket, text: str | bytes) -> None:
        await Conversation(self, self.matching, websocket).handle(text)
