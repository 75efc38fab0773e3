"""Small events on a socket with Nagle's algorithm."""

from statistics import median

from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, repeat, wait
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.relay.catalog.timing import arrivals

DELAYED_ACK = 0.040
"""Seconds for which Linux may hold an acknowledgement back (TCP_DELACK_MIN)."""


@scenario(
    script=finished(repeat(40, delta("tick "), wait(0.004))),
    clause="R7",
    alone=True,
    quiet=True,
    deadline=2.0,
    evidence='scylladb/seastar#968 "40 ms responses from Nagle"',
)
async def timing_nagle(bench: HandoffBench) -> None:
    """The client receives small events without waiting for delayed acknowledgements."""
    pattern = await bench.pattern()
    checks = await bench.finished(bench.exchange(pattern=pattern, nodelay=False))
    checks.applied(pattern).content_as_sent().done_marker()
    took = median(arrivals(checks) or [0.0]) * 1000
    bound = DELAYED_ACK / 4 * 1000
    bench.at_most("nagle", took, bound, "ms for half of the events", timed=True)
