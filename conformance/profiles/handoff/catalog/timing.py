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
    deadline=4.0,
    evidence='scylladb/seastar#968 "40 ms responses from Nagle"',
)
async def timing_nagle(bench: HandoffBench) -> None:
    """The client receives small events without waiting for delayed acknowledgements."""
    took = {}
    for nodelay in (True, False):
        pattern = await bench.pattern()
        checks = await bench.finished(bench.exchange(pattern=pattern, nodelay=nodelay))
        checks.applied(pattern).content_as_sent().done_marker()
        took[nodelay] = median(arrivals(checks) or [0.0]) * 1000
    # Whatever else the daemon or the machine waits for, it waits for it on both sockets.
    more, most = took[False] - took[True], DELAYED_ACK / 4 * 1000
    bench.check(
        more <= most,
        "nagle",
        expected=f"at most {most:g} ms more than without Nagle's algorithm, for half of the events",
        actual=f"{more:.3g} ms more: {took[False]:.3g} ms",
    )
