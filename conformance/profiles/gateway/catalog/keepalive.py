"""One HTTP/1.1 connection for several requests: after a stream, an error, an abort, a refusal."""

from typing import Any

from conformance.checks import Checks
from conformance.core.evidence import Ending
from conformance.core.scenario import scenario
from conformance.core.script import Script, delta, finished, gate, script
from conformance.profiles.gateway.bench import GatewayBench
from conformance.profiles.gateway.connection import HttpConnection
from conformance.profiles.relay.catalog.upstream.answers import JSON, answer, error_body

H1 = ("client=h1",)

KEPT = "RFC 9112 9.3"
MIXED = 'envoyproxy/envoy#30078 "response of the previous request"'

FAILURE = answer(500, error_body("the model crashed"), JSON)


async def _ask(
    bench: GatewayBench, connection: HttpConnection, value: Script | None = None, **options: Any
) -> Checks:
    """One whole exchange on the connection, or on a new one where the gateway closed it."""
    pattern = "short" if value is None else await bench.script(value)
    async with bench.exchange(
        pattern=pattern, reuse=connection, keep=True, http2=False, **options
    ) as exchange:
        await exchange.start()
        return await exchange.response()


def _closed(checks: Checks) -> bool:
    """Whether the connection ended with this answer, or was announced to end."""
    announced = (checks.response.header("connection") or "").lower()
    return checks.response.transcript.ending is not Ending.MESSAGE or "close" in announced


async def _again(bench: GatewayBench, first: Checks, connection: HttpConnection) -> None:
    """Check that the next request gets its own whole answer, unless the connection was closed."""
    fresh = connection if not _closed(first) else await bench.connection()
    answered = await _ask(bench, fresh)
    answered.no_error().content_as_sent().done_marker().applied("short")


@scenario(clause=("G1", "R8"), needs=H1, everywhere=True, evidence=KEPT)
async def keepalive_after_stream(bench: GatewayBench) -> None:
    """The gateway answers a second request on the connection of a finished stream."""
    connection = await bench.connection()
    first = (await _ask(bench, connection)).no_error().content_as_sent().done_marker()
    await _again(bench, first, connection)


@scenario(clause="G1", needs=H1, everywhere=True, evidence=KEPT)
async def keepalive_after_error(bench: GatewayBench) -> None:
    """The gateway answers a second request on the connection of an API's error."""
    connection = await bench.connection()
    first = (await _ask(bench, connection, FAILURE)).http_error(500, 502)
    await _again(bench, first, connection)


@scenario(clause=("G1", "R6"), needs=H1, everywhere=True, evidence=MIXED)
async def keepalive_after_abort(bench: GatewayBench) -> None:
    """The gateway answers the next request after an upstream that broke off."""
    connection = await bench.connection()
    broken = script(delta("One"), delta(" two"), ending="abort")
    first = (await _ask(bench, connection, broken)).api_broke().failed_stream()
    await _again(bench, first, connection)


@scenario(clause=("G1", "U9"), everywhere=True, needs=H1, evidence=MIXED)
async def keepalive_many(bench: GatewayBench) -> None:
    """Twelve requests on one connection each get their own answer, with errors in between."""
    connection = await bench.connection()
    for number in range(12):
        text = f"answer number {number}"
        value = FAILURE if number % 3 == 2 else finished(delta(text), delta(" ends"))
        checks = await _ask(bench, connection, value)
        if value is FAILURE:
            checks.http_error(500, 502)
        else:
            checks.no_error().content(f"{text} ends").done_marker()
        if _closed(checks):
            connection = await bench.connection()


@scenario(clause=("G1", "G4"), needs=H1, evidence=KEPT)
async def keepalive_after_whole_answer(bench: GatewayBench) -> None:
    """The gateway answers a stream on the connection of an answer without a stream."""
    connection = await bench.connection()
    async with bench.exchange(
        request={"body": {"stream": False}}, reuse=connection, keep=True, http2=False
    ) as exchange:
        await exchange.start()
        first = (await exchange.response()).http_status(200)
    await _again(bench, first, connection)


@scenario(clause=("G1", "G9"), everywhere=True, needs=(*H1, "relay=events"), evidence=KEPT)
async def keepalive_after_refusal(bench: GatewayBench) -> None:
    """The gateway answers the next request after one that it refused."""
    connection = await bench.connection()
    first = await _ask(
        bench, connection, edit=lambda text: text.replace(b'"messages"', b'"message5"')
    )
    first.http_error(400, 404, 422)
    await _again(bench, first, connection)


@scenario(clause=("G1", "R8"), needs=H1, evidence="RFC 9112 9.6")
async def keepalive_as_announced(bench: GatewayBench) -> None:
    """The gateway closes the connection after an answer that says `Connection: close`."""
    connection = await bench.connection()
    checks = await _ask(bench, connection, headers={"connection": "close"})
    checks.no_error().content_as_sent().done_marker()
    ending = checks.response.transcript.ending
    kept = ending is Ending.MESSAGE and not await _ended(bench, connection)
    bench.check(
        not kept,
        "closed",
        expected="the gateway closes the connection that the client asked it to close",
        actual=f"it is still open after {CLOSING:g} s",
        clause="R8",
    )


CLOSING = 2.0
"""Seconds in which a connection must close once its last answer has ended."""


async def _ended(bench: GatewayBench, connection: HttpConnection) -> bool:
    def ended() -> bool:
        try:
            return connection.recv(1) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    return await bench.until(ended, within=CLOSING)


@scenario(clause="G1", needs=H1, evidence="RFC 9112 9.3.2")
async def keepalive_pipelined(bench: GatewayBench) -> None:
    """Two requests that are sent at once get two answers in order, or one and a close."""
    connection = await bench.connection()
    second = bench.exchange(
        pattern=await bench.script(finished(delta("second"))),
        reuse=connection,
        keep=True,
        http2=False,
    )
    first = bench.exchange(
        pattern=await bench.script(finished(delta("fir"), gate(1), delta("st"))),
        reuse=connection,
        keep=True,
        http2=False,
        edit=lambda text: text + second.opening.request,
    )
    async with first:
        await first.start()
        await first.events(1)
        await bench.healthy()  # by then a second answer would have begun
        await first.open_gate(1)
        checks = await first.response()
    checks.no_error().content("first").done_marker()
