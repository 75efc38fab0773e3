"""Errors in the event stream, and streams without an answer."""

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import (
    Script,
    chunk,
    data,
    delta,
    event,
    finish,
    finished,
    script,
    write,
)
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.upstream.answers import error


@scenario(
    clause=("R6", "R2", "R4"),
    everywhere=True,
    evidence='aaif-goose/goose#8027 "mid-stream error events", '
    'farzaa/clicky#132 "errors treated as success"',
)
async def uperr_mid_stream_object(bench: RelayBench) -> None:
    """The daemon ends the answer at an error event, with the API's message."""
    failure = data(error("the model is overloaded"))
    ends = (failure, b"event: error\n" + failure, failure + b"data: [DONE]\n\n")
    for checks in await bench.respond_to_all(script(delta("Once"), write(end)) for end in ends):
        checks.sse_format().content_as_sent().no_finish_reason()
        checks.failed_stream().no_done_marker().error_message("the model is overloaded")


@scenario(
    script=finished(delta("Once"), finish("stop"), event(error("the answer was lost"))),
    clause=("R6", "R4"),
    everywhere=True,
    evidence='farzaa/clicky#132 "errors treated as success"',
)
def uperr_after_finish(response: Checks) -> None:
    """The daemon fails an answer with an error event after finish_reason."""
    response.content_as_sent().failed_stream().no_done_marker().error_message("was lost")


@scenario(
    script=finished(event({**chunk(content="Once"), "error": None}), delta(" upon")),
    clause=("R2", "R4"),
    everywhere=True,
    evidence='aaif-goose/goose#8027 "mid-stream error events"',
)
def uperr_error_null(response: Checks) -> None:
    """The daemon relays a chunk whose field `error` is null."""
    response.no_error().content("Once upon").done_marker()


@scenario(
    clause=("R5", "R6", "R4"),
    everywhere=True,
    evidence='openclaw/clawrouter#101 "pre-stream errors as HTTP 200"',
)
async def uperr_first_event(bench: RelayBench) -> None:
    """The daemon fails an answer whose first event is an error, with the API's message."""
    failure = data(error("context too long", type="invalid_request_error", code="too_long"))
    bodies = (
        failure,
        b"event: error\n" + failure,
        failure + b"data: [DONE]\n\n",
        b": hello\n\n" + failure,
    )
    for checks in await bench.respond_to_all(script(write(body)) for body in bodies):
        checks.failed(400, 502).error_message("context too long")


@scenario(
    clause=("R5", "R6", "R4"),
    everywhere=True,
    evidence='coder/coder#26005 "handle empty streams", preloop/preloop#121 "silent empty 200"',
)
async def uperr_empty_200(bench: RelayBench) -> None:
    """The daemon fails an event stream that ends without an event."""
    empty: tuple[Script, ...] = (
        script(),
        script(framing="length"),
        script(write(": processing\n\n: processing\n\n")),
        script(write("\n\n\n")),
    )
    for checks in await bench.respond_to_all(empty):
        checks.failed()


@scenario(
    script=script(write("data: [DONE]\n\n")),
    clause=("R4", "R2"),
    everywhere=True,
    evidence='coder/coder#26005 "handle empty streams"',
)
def uperr_done_only(response: Checks) -> None:
    """The daemon completes an answer of `[DONE]` alone."""
    response.done_marker().no_error().chunk_count(0)
