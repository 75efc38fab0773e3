"""Large requests, and an API that answers or stalls before it has read them."""

from conformance.checks import Checks
from conformance.core.finding import FindingKind
from conformance.core.quoting import arrived
from conformance.core.scenario import Api, Start, scenario
from conformance.core.script import data, delta, finished, script, write
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.http1.framing import H1
from conformance.profiles.relay.catalog.upstream.answers import JSON

LARGE = {"prompt": "x" * 120_000}

TOO_LONG = script(
    write(data({"error": {"message": "too long", "type": "invalid", "code": None}})[6:]),
    status=413,
    headers=JSON,
    framing="length",
    request={"read": 0},
)
"""An answer that the API sends without reading the request's body."""


def _taken(bench: RelayBench, checks: Checks) -> bool:
    """Check that the daemon took the client's request, which is as large as the API's."""
    return bench.check(
        checks.response.status != 400 or bool(checks.observation.upstream),
        "taken",
        expected="the daemon takes a request of 120 KB",
        actual=arrived(checks.response),
        kind=FindingKind.NOT_TAKEN,
    )


@scenario(
    script=TOO_LONG,
    clause=("R5", "U8"),
    everywhere=True,
    evidence='encode/httpcore#723 "handle half-closed connections"; RFC 9112 9.3',
)
async def http1_early_response(bench: RelayBench) -> None:
    """The client receives an answer that the API sends before it read the request."""
    pattern = await bench.pattern()
    checks = await bench.finished(bench.exchange(pattern=pattern, request=LARGE))
    if _taken(bench, checks):
        checks.applied(pattern).http_error(413).error_message("too long")


@scenario(
    clause=("R5", "U8"),
    everywhere=True,
    needs=H1,
    alone=True,
    start=Start(api=Api.ABRUPT),
    deadline=5.0,
    evidence='encode/httpcore#723 "handle half-closed connections"; RFC 9112 9.3',
)
async def http1_early_response_unread(bench: RelayBench) -> None:
    """The client receives the API's early answer although the request was cut off."""
    for number in (1, 2, 3):
        checks = await bench.finished(bench.exchange(request=LARGE))
        if not _taken(bench, checks):
            continue
        if number % 2:
            checks.http_error_before_reset(413)
        else:
            checks.http_error(413)
        checks.error_message(f"answer {number}")


@scenario(
    script=finished(delta("Once"), request={"read": 1000, "gate": 1}),
    clause=("L4", "U1"),
    everywhere=True,
    evidence='encode/httpcore#723 "handle half-closed connections"',
)
async def http1_slow_request(bench: RelayBench) -> None:
    """The API receives the whole request although it reads slowly; others are served."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern, request=LARGE) as exchange:
        await exchange.start()
        await bench.healthy()
        await exchange.open_gate(1)
        checks = await exchange.response()
    if _taken(bench, checks):
        checks.applied(pattern).request_unchanged().no_error().content_as_sent().done_marker()
