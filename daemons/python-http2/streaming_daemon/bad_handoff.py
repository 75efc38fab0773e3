"""Failures of the handoff data itself."""

from __future__ import annotations

from llm_api.failure import Failure


class BadHandoff(Failure):
    """The handoff data does not describe a request."""

    status = 400
    type = "invalid_request_error"
    code = "bad_handoff"


class TooLarge(BadHandoff):
    """The handoff data did not fit into one message."""

    status = 413
    code = "handoff_too_large"
