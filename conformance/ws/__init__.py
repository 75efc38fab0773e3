"""Declarative tests of WebSocket servers: what a client sends, and what it expects.

    from conformance.ws import RestRequest, WSMessage, WSResponse, WSTest, WSTimeoutError

A WSTest is one client. It opens a connection, sends its WSMessages and
RestRequests, and is complete when every WSResponse that it expects has come,
in whatever order. docs/ws.md is the guide.
"""

from conformance.ws.barrier import WSBarrier
from conformance.ws.declaration import WSTest
from conformance.ws.errors import WSExpectationError, WSTimeoutError
from conformance.ws.matchers import (
    Contains,
    Exactly,
    Matcher,
    Null,
    OfType,
    Predicate,
    Range,
    Regex,
)
from conformance.ws.message import WSMessage
from conformance.ws.outcome import Outcome
from conformance.ws.report import write_json, write_junit
from conformance.ws.request import RestRequest
from conformance.ws.response import WSResponse
from conformance.ws.scenario import WSScenario

__all__ = [
    "Contains",
    "Exactly",
    "Matcher",
    "Null",
    "OfType",
    "Outcome",
    "Predicate",
    "Range",
    "Regex",
    "RestRequest",
    "WSBarrier",
    "WSExpectationError",
    "WSMessage",
    "WSResponse",
    "WSScenario",
    "WSTest",
    "WSTimeoutError",
    "write_json",
    "write_junit",
]
