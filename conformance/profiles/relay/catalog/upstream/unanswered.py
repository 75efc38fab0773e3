"""An API that does not answer: refused, silent, unreachable, late, or stalled in an error."""

import asyncio

from conformance.checks import Checks
from conformance.core.scenario import Api, Start, scenario
from conformance.core.script import delta, script, stall, write
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.upstream.answers import JSON
from conformance.profiles.relay.exchange import Exchange

HASTE = 0.3
HASTY = {"connect_timeout": f"{HASTE}", "first_byte_timeout": f"{HASTE}"}
"""Time bounds so short that a scenario can wait for them; seconds."""

IN_TIME = 1.5
"""Seconds within which a bound of HASTY must have shown."""

HANGS = 'Mirrowel/LLM-API-Key-Proxy#39 "hangs while connecting"'
STATUS = 'headroomlabs-ai/headroom#3083 "502 not 200"'


def _in_time(bench: RelayBench, checks: Checks) -> None:
    transcript = checks.ended(clause="U7").response.transcript
    took = transcript.ended_at - transcript.began_at
    why = f", where its bounds are {HASTE} s" if bench.hasty else ""
    bench.check(
        took <= IN_TIME * bench.environment.scale,
        "in_time",
        expected=f"an answer within {bench.stretched(IN_TIME)}{why}",
        actual=f"{transcript.ending.value} after {took:.3f} s",
        clause="U7",
    )


async def _unanswered(bench: RelayBench, status: int) -> None:
    """Check that clients who come one after the other, while the first waits, get this error."""

    async def come(number: int) -> None:
        await asyncio.sleep(number * HASTE / 3 * bench.environment.scale)
        await _receives(bench, bench.exchange(request={"prompt": "Is anybody there?"}), status)

    await asyncio.gather(*map(come, range(4)))


async def _receives(bench: RelayBench, exchange: Exchange, status: int) -> None:
    checks = await bench.finished(exchange)
    checks.http_error(status)
    _in_time(bench, checks)


@scenario(
    clause=("R5", "L4"),
    everywhere=True,
    alone=True,
    start=Start(api=Api.REFUSING),
    evidence=STATUS,
)
async def uperr_refused(bench: RelayBench) -> None:
    """The client receives 502 where the API refuses connections."""
    await _unanswered(bench, 502)


@scenario(
    clause=("U7", "R5"),
    everywhere=True,
    alone=True,
    start=Start(api=Api.SILENT, options=HASTY),
    deadline=5.0,
    evidence=HANGS,
)
async def uperr_silent(bench: RelayBench) -> None:
    """The client receives 504 in time where the API accepts connections and stays silent."""
    await _unanswered(bench, 504)


@scenario(
    clause=("U7", "R5"),
    everywhere=True,
    alone=True,
    start=Start(api=Api.UNREACHABLE, options=HASTY),
    deadline=5.0,
    evidence=HANGS,
)
async def uperr_unreachable(bench: RelayBench) -> None:
    """The client receives 504 in time where a connection is neither accepted nor refused."""
    await _unanswered(bench, 504)


@scenario(
    clause=("U7", "R5"),
    everywhere=True,
    alone=True,
    start=Start(options=HASTY),
    deadline=5.0,
    evidence=HANGS,
)
async def uperr_late_head(bench: RelayBench) -> None:
    """The client receives 504 in time where the API does not answer the request."""
    pattern = await bench.script(script(delta("late"), hold=1))
    exchanges = [bench.exchange(pattern=pattern) for _ in range(2)]
    await asyncio.gather(*(_receives(bench, exchange, 504) for exchange in exchanges))


@scenario(
    clause=("U7", "R5"),
    everywhere=True,
    alone=True,
    start=Start(options={"idle_timeout": f"{HASTE}"}),
    deadline=5.0,
    evidence=STATUS,
)
async def uperr_error_body_stalls(bench: RelayBench) -> None:
    """The client receives an error's status in time, although its body stalls."""
    stalling = [
        script(write('{"error":'), stall(), status=status, headers=JSON) for status in (400, 500)
    ]
    answers = await bench.respond_to_all(stalling)
    for status, checks in zip((400, 502), answers, strict=True):
        checks.http_error(status)
        _in_time(bench, checks)
