"""Certificates: of an unknown authority, of another host, and verification switched off."""

from conformance.core.scenario import Api, Start, scenario
from conformance.profiles.relay.bench import RelayBench


async def _unverified(bench: RelayBench) -> None:
    """Check that a request does not leave over TLS; without TLS it is served."""
    checks = await bench.finished(bench.exchange(pattern="short"))
    transports = {entry.transport for entry in checks.observation.upstream}
    bench.check(
        "tls" not in transports,
        "verified",
        expected="the daemon refuses a certificate that it cannot trust",
        actual="it sent the request over this connection",
    )
    if transports:
        checks.content_as_sent().done_marker()
    else:
        checks.http_error(502)


@scenario(
    clause=("U3", "R5"),
    everywhere=True,
    alone=True,
    start=Start(api=Api.UNTRUSTED),
    evidence="RFC 9110 4.3.4",
)
async def uperr_tls_untrusted(bench: RelayBench) -> None:
    """The daemon sends no request to an API with a certificate of an unknown authority."""
    await _unverified(bench)


@scenario(
    clause=("U3", "R5"),
    everywhere=True,
    alone=True,
    start=Start(api=Api.MISNAMED),
    evidence="RFC 9110 4.3.4",
)
async def uperr_tls_misnamed(bench: RelayBench) -> None:
    """The daemon sends no request to an API with a certificate of another host."""
    await _unverified(bench)


@scenario(
    clause="U3",
    everywhere=True,
    alone=True,
    start=Start(api=Api.UNTRUSTED, env={"OPENAI_INSECURE_SSL": "true"}),
    evidence="docs/contract.md, options of the daemons",
)
async def uperr_tls_insecure(bench: RelayBench) -> None:
    """The daemon accepts any certificate where it is configured not to verify them."""
    checks = await bench.respond(pattern="short")
    checks.http_status(200, clause="U3").content_as_sent().done_marker()
