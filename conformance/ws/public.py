"""The public names of `conformance.ws`, which the package imports when one is used."""

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
from conformance.ws.outcome import Outcome
from conformance.ws.report import write_json, write_junit
from conformance.ws.rest_answer import RestAnswer
from conformance.ws.rest_errors import (
    RestConnectionError,
    RestError,
    RestStatusError,
    RestTimeout,
    RestTLSError,
    RestURLError,
)
from conformance.ws.rest_request import RestRequest
from conformance.ws.ws_barrier import WSBarrier
from conformance.ws.ws_expectation_error import WSExpectationError
from conformance.ws.ws_message import WSMessage
from conformance.ws.ws_response import WSResponse
from conformance.ws.ws_scenario import WSScenario
from conformance.ws.ws_test import WSTest
from conformance.ws.ws_timeout_error import WSTimeoutError

__all__ = [
    "Contains", "Exactly", "Matcher", "Null", "OfType", "Outcome", "Predicate", "Range",
    "Regex", "RestAnswer", "RestConnectionError", "RestError", "RestRequest", "RestStatusError",
    "RestTLSError", "RestTimeout", "RestURLError", "WSBarrier", "WSExpectationError",
    "WSMessage", "WSResponse", "WSScenario", "WSTest", "WSTimeoutError", "write_json",
    "write_junit",
]  # fmt: skip
