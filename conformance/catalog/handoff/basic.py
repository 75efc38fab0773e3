"""The plain case: one question, one whole answer."""

from conformance.checks import Checks
from conformance.scenario import scenario


@scenario(clause=("R1", "R4"), everywhere=True)
def basic_response(response: Checks) -> None:
    """A request is answered with the head of an event stream and one `[DONE]`, last."""
    (
        response.no_error()
        .http_status(200)
        .header_contains("Content-Type", "text/event-stream")
        .header("Cache-Control", "no-cache")
        .header("Connection", "close")
        .header("X-Accel-Buffering", "no")
        .no_header("Content-Length")
        .no_header("Transfer-Encoding")
        .sse_format()
        .done_marker()
    )


@scenario(
    clause=("R2", "R3", "U1"),
    request={
        "system": "You answer in “plain” words.",
        "model": "conformance-1",
        "max_tokens": 64,
        "temperature": 0.25,
        "user_id": "user-7",
    },
    everywhere=True,
)
def basic_content(response: Checks) -> None:
    """The request reaches the API as given, and every word of the answer reaches the client."""
    (
        response.no_error()
        .request_unchanged()
        .chunk_count(18)
        .events_in_order()
        .content_as_sent()
        .done_marker()
    )
