"""Failures: everything that may end an exchange other than the API finishing.

One exception type carries what a client is told, because a failure looks the
same wherever it strikes: before the response head it is a status with a JSON
body, after it the last event of the stream, and both hold the same object
`{"error": {"message", "type", "code"}}`. Raise the subclass that says what
happened; who catches it decides the form.
"""

from __future__ import annotations


class Failure(Exception):  # noqa: N818 - the domain's word; most of them are nobody's error
    """The exchange cannot be completed; the text is meant for the client."""

    status = 502
    type = "upstream_error"
    code: str | int | None = "upstream_broken"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,  # noqa: A002 - the API's own word
        code: str | int | None = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status or self.status
        self.type = type or self.type
        self.code = code if code is not None else self.code
        self.retry_after = retry_after


class Unreachable(Failure):
    """No connection to the API could be made."""

    code = "upstream_unreachable"


class Unprocessed(Failure):
    """The API certainly did not process the request: it may be sent again, once."""

    def __init__(self, message: str, *, stale: bool = False) -> None:
        super().__init__(message)
        self.stale = stale
        """A pooled connection was found dead; others in the pool may be as well."""


class Late(Failure):
    """The API took longer than it is given."""

    status = 504
    type = "timeout_error"
    code = "upstream_timeout"


class BadHandoff(Failure):
    """The handoff data does not describe a request."""

    status = 400
    type = "invalid_request_error"
    code = "bad_handoff"


class TooLarge(BadHandoff):
    """The handoff data did not fit into one message."""

    status = 413
    code = "handoff_too_large"


class Overloaded(Failure):
    """Every place is taken."""

    status = 503
    type = "overloaded_error"
    code = "max_connections"


class ShuttingDown(Failure):
    """The daemon ends before the API did: for this client the API came too late."""

    status = 504
    type = "shutdown_error"
    code = "shutting_down"


class ClientLeft(Failure):
    """The client closed, reset or shut down its side, or stopped reading for too long."""

    status = 400
    type = "client_error"
    code = "client_left"
