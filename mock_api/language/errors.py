"""The errors of the APIs: types and codes, by status, as their documentation has them."""

from __future__ import annotations

from typing import Any, NamedTuple


class Fault(NamedTuple):
    """An error, before an API's form is given to it."""

    status: int
    message: str
    type: str = "invalid_request_error"
    """OpenAI's; Anthropic's follows from the status."""
    code: str | None = None
    param: str | None = None
    """The request's field that is wrong."""


OPENAI = {
    400: ("invalid_request_error", "invalid_value", "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_quota", "insufficient_quota", "You have no credits left."),
    403: (
        "request_forbidden",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported.",
    ),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    408: ("timeout", None, "Request timed out."),
    409: ("conflict_error", None, "Another request changed the resource."),
    413: ("invalid_request_error", None, "The request is too large."),
    422: ("invalid_request_error", None, "The request cannot be processed."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request."),
    502: ("server_error", None, "Bad gateway."),
    503: ("server_error", None, "The engine is currently overloaded."),
    504: ("timeout", None, "The gateway timed out."),
}
"""Type, code and message by status."""

ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Types by status; the others are `invalid_request_error` below 500, `api_error` above."""


def fault_of(status: int) -> Fault:
    """The error that the API documents for this status."""
    below = 400 if status < 500 else 500
    kind, code, message = OPENAI.get(status, OPENAI[below])
    return Fault(status, message, kind, code)


def openai_error(fault: Fault) -> dict[str, Any]:
    """An error in OpenAI's form."""
    kind = {"message": fault.message, "type": fault.type}
    return {"error": {**kind, "param": fault.param, "code": fault.code}}


def anthropic_error(fault: Fault) -> dict[str, Any]:
    """An error in Anthropic's form."""
    below = "invalid_request_error" if fault.status < 500 else "api_error"
    kind = ANTHROPIC.get(fault.status, below)
    return {"type": "error", "error": {"type": kind, "message": fault.message}}
