"""The end of a failed stream, which only the connection's end frames."""

from conformance.core.scenario import scenario
from conformance.core.script import delta, gate, script
from conformance.profiles.relay.exchange import Exchange


@scenario(
    script=script(delta("Once"), gate(1), ending="abort"),
    clause=("R1", "R6"),
    evidence='RFC 9112 8; h2o/h2o#1031 "broken chunked body silently relayed"',
)
async def http1_down_terminator(exchange: Exchange) -> None:
    """A failed stream does not end with the same bytes as a complete one."""
    await exchange.events(1)
    await exchange.open_gate(1)
    checks = await exchange.response()
    checks.no_header("Transfer-Encoding").no_header("Content-Length").sse_format()
    checks.failed_stream().no_done_marker()
