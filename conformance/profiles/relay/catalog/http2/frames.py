"""Frames within an answer: unknown ones, trailers, and a length that does not fit."""

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import delta, finish, finished, frame, script
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.http2.protocol import H2, PING, UNKNOWN


@scenario(
    script=finished(
        delta("Once"),
        frame(UNKNOWN, b"greased"),
        frame(UNKNOWN, b"greased", flags=0xFF, stream="this"),
        frame(PING, b"12345678"),
        delta(" upon"),
    ),
    clause=("R2", "U3"),
    everywhere=True,
    needs=H2,
    evidence="RFC 9113 4.1, 5.5, 6.7",
)
def http2_other_frames(response: Checks) -> None:
    """The daemon ignores unknown frames and answers pings during an answer."""
    response.no_error().content_as_sent().done_marker()


@scenario(
    script=script(delta("Once"), finish("stop"), trailers={"x-checksum": "12"}),
    clause=("R4", "U4"),
    everywhere=True,
    needs=H2,
    evidence="RFC 9113 8.1",
)
def http2_trailers(response: Checks) -> None:
    """The daemon accepts trailer fields as the end of an answer."""
    response.no_error().content_as_sent().done_marker()


@scenario(clause=("U4", "R4", "R6"), everywhere=True, needs=H2, evidence="RFC 9113 8.1.1")
async def http2_length(bench: RelayBench) -> None:
    """The daemon fails a body whose length differs from its Content-Length."""
    for length in (10, 100_000):
        headers = {"content-type": "text/event-stream", "content-length": str(length)}
        checks = await bench.respond(
            script=script(delta("Once"), finish("stop"), framing="raw", headers=headers)
        )
        checks.api_broke().sse_format().failed()
