"""Failures: every end of an exchange except the good one.

One exception type carries the error that the client receives. Before the
response head it becomes a status with a JSON body, after the head it becomes the
last event of the stream. Both hold the same object
`{"error": {"message", "type", "code"}}`. The code that raises chooses the
subclass; the code that catches chooses the form.
"""

from __future__ import annotations


class Failure(Exception):  # noqa: N818 - most failures are not errors of this program
    """The exchange cannot be completed; the client receives this text."""

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
        """The value of the header Retry-After that the client receives."""


class ApiRefused(Failure):
    """The API answered with an error status; the failure has the same status."""


class Unreachable(Failure):
    """The connection to the API could not be made."""

    code = "upstream_unreachable"


class Unprocessed(Failure):
    """The API certainly did not process the request: it may be sent again, once."""

    def __init__(self, message: str, *, stale: bool = False) -> None:
        super().__init__(message)
        self.stale = stale
        """A pooled connection was found dead; the rest of the pool may be dead as well."""


class Late(Failure):
    """A time bound on the API expired."""

    status = 504
    type = "timeout_error"
    code = "upstream_timeout"


class Overloaded(Failure):
    """The server already serves as many clients as it admits."""

    status = 503
    type = "overloaded_error"
    code = "max_connections"


class ShuttingDown(Failure):
    """The server stops before the API has finished."""

    status = 504
    type = "shutdown_error"
    code = "shutting_down"


class ClientLeft(Failure):
    """The client closed, reset or shut down its side, or stopped reading for too long."""

    status = 400
    type = "client_error"
    code = "client_left"
