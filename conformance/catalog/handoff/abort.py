"""Answers that break off: what was sent arrives, and nobody takes it for the whole."""

from conformance.checks import Checks
from conformance.scenario import scenario

CLEAN_EOF = 'BerriAI/litellm#40260 "clean EOF reported as successful completion"'


def _truncated(response: Checks, *, after: int) -> None:
    (
        response.http_status(200)
        .sse_format()
        .chunk_count(after)
        .content_as_sent()
        .no_finish_reason()
        .no_done_marker()
        .failed_stream()
    )


@scenario(pattern="abort:5", clause=("R6", "R2"), everywhere=True, evidence=CLEAN_EOF)
def abort_stream(response: Checks) -> None:
    """An answer that ends cleanly after five deltas, without finish, is reported as failed."""
    _truncated(response, after=5)


@scenario(pattern="abort:1", clause=("R6", "R2"), everywhere=True, evidence=CLEAN_EOF)
def abort_early(response: Checks) -> None:
    """An answer that ends cleanly after its first delta is reported as failed."""
    _truncated(response, after=1)
