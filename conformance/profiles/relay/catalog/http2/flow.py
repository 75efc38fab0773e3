"""Flow control: windows of requests and answers, and padding."""

import json

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, repeat, script, settings, write
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.http2.protocol import H2, whole
from conformance.profiles.relay.catalog.upstream.answers import JSON

NARROW = finished(settings(initial_window_size=1000), delta("Once"))
"""After this answer a request has a window of 1000 bytes."""

LARGE = finished(repeat(48, delta("x" * 32_768)))
"""1.5 MiB: many times larger than every window."""


@scenario(
    clause=("U3", "U1"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 5.2, 6.9.2"
)
async def http2_request_window(bench: RelayBench) -> None:
    """The daemon sends a large request as the API opens its window."""
    whole(await bench.respond(script=NARROW))
    checks = await bench.respond(pattern="short", request={"prompt": "y" * 100_000})
    checks.request_unchanged(clause="U3")
    whole(checks)


@scenario(clause=("R5", "U8"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 8.1, 5.2")
async def http2_early_response(bench: RelayBench) -> None:
    """The client receives an answer that the API sends while the request waits for room."""
    whole(await bench.respond(script=NARROW))
    error = {"error": {"message": "too long", "type": "invalid", "code": None}}
    value = script(
        write(json.dumps(error)), status=413, headers=JSON, framing="length", request={"read": 0}
    )
    checks = await bench.respond(script=value, request={"prompt": "x" * 100_000})
    checks.http_error(413).error_message("too long")
    await bench.healthy()


@scenario(
    script=LARGE,
    clause=("R2", "U3"),
    everywhere=True,
    needs=H2,
    evidence='RFC 9113 5.2; hyperium/hyper#2899 "stuck with slow readers"',
)
def http2_flow(response: Checks) -> None:
    """The client receives an answer many times larger than every window."""
    response.no_error().chunk_count(48).content_as_sent().done_marker()


@scenario(
    clause=("L4", "R2"),
    everywhere=True,
    needs=H2,
    alone=True,
    evidence='hyperium/hyper#2899 "stuck with slow readers", golang/go#16510',
)
async def http2_flow_sibling(bench: RelayBench) -> None:
    """A client that does not read leaves window for the other streams."""
    alone = await bench.respond(script=LARGE)
    whole(alone)
    if not alone.complete:
        return
    pattern = await bench.script(LARGE)
    async with bench.exchange(pattern=pattern, receive_buffer=4096, send_buffer=4096) as stalled:
        await stalled.start()
        await stalled.head()
        stalled.pause()
        whole(await bench.respond(script=LARGE))


@scenario(
    script=finished(delta("Once"), repeat(600, delta(" upon")), padding=255),
    clause=("R2", "U3"),
    everywhere=True,
    needs=H2,
    evidence="RFC 9113 6.1, 6.9.1",
)
def http2_padding(response: Checks) -> None:
    """The daemon drops padding, and returns its share of the window."""
    response.no_error().chunk_count(601).content_as_sent().done_marker()
