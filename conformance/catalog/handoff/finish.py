"""How an answer says that it is complete, and why it ended."""

from conformance.checks import Checks
from conformance.scenario import scenario


def _finished(response: Checks, reason: str) -> None:
    (
        response.no_error()
        .http_status(200)
        .chunk_count(6)
        .content_as_sent()
        .finish_reason(reason)
        .done_marker()
    )


@scenario(pattern="finish:stop", clause=("R2", "R4"), everywhere=True)
def finish_stop(response: Checks) -> None:
    """An answer that finished with `stop` arrives complete and says so."""
    _finished(response, "stop")


@scenario(pattern="finish:length", clause=("R2", "R4"), everywhere=True)
def finish_length(response: Checks) -> None:
    """An answer cut off by max_tokens is complete for the stream, with the reason it gave."""
    _finished(response, "length")
