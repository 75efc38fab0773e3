"""Errors of a client's request, and the response bodies of all failures."""

from __future__ import annotations

import json

from llm_api.failure import Failure


class BadRequest(Failure):
    """The request is not one that the gateway can pass on."""

    status = 400
    type = "invalid_request_error"
    code = "bad_request"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        """The field of the request's JSON that is wrong."""


class BadKey(BadRequest):
    """The client's key is missing or unknown."""

    status = 401
    code = "invalid_api_key"


class NotFound(BadRequest):
    """The path, or the model, does not exist."""

    status = 404
    code = "not_found"


class MethodNotAllowed(BadRequest):
    """The path exists for another method."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__(f"expected the method {allowed}")
        self.allowed = allowed


class Slow(BadRequest):
    """The request did not arrive in time."""

    status = 408
    code = "request_timeout"


class TooLarge(BadRequest):
    """The request's body exceeds the limit."""

    status = 413
    code = "request_too_large"


class Unsupported(BadRequest):
    """The request's body is in a content coding."""

    status = 415
    code = "unsupported_coding"


class HeadTooLarge(BadRequest):
    """The request's head exceeds the limit."""

    status = 431
    code = "head_too_large"


def error_body(failure: Failure) -> bytes:
    """The body of an error response, in OpenAI's shape."""
    error = {
        "message": failure.message,
        "type": failure.type,
        "param": failure.param if isinstance(failure, BadRequest) else None,
        "code": failure.code,
    }
    return json.dumps({"error": error}).encode() + b"\n"


def error_fields(failure: Failure) -> list[tuple[str, str]]:
    """The header fields of an error response."""
    fields = [("content-type", "application/json"), ("cache-control", "no-cache")]
    if failure.retry_after is not None:
        fields.append(("retry-after", failure.retry_after))
    if isinstance(failure, MethodNotAllowed):
        fields.append(("allow", failure.allowed))
    if isinstance(failure, BadKey):
        fields.append(("www-authenticate", "Bearer"))
    return fields
