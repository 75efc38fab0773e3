"""The sizes in which an answer comes."""

from conformance.checks import Checks
from conformance.scenario import scenario

SHORT = "Hello world! This is a test. Each chunk is small."


@scenario(pattern="short", clause=("R2", "R3"), everywhere=True)
def short_chunks(response: Checks) -> None:
    """Deltas of one or two bytes stay apart, in order, and none is lost."""
    (
        response.no_error()
        .http_status(200)
        .chunk_count_at_least(len(SHORT) // 2)
        .events_in_order()
        .content(SHORT)
        .content_as_sent()
        .done_marker()
    )


@scenario(pattern="long", clause=("R2", "R3"), everywhere=True)
def long_chunks(response: Checks) -> None:
    """Deltas of about four kilobytes arrive whole, one event for each."""
    (
        response.no_error()
        .http_status(200)
        .chunk_count(3)
        .events_in_order()
        .content_as_sent()
        .done_marker()
    )
