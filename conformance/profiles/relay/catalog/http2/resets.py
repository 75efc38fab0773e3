"""RST_STREAM: in the middle, after the finish, after the end, before the head, and refusals."""

from conformance.core.scenario import scenario
from conformance.core.script import attempts, delta, finish, finished, script
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.http2.protocol import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    H2,
    INTERNAL_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    whole,
)


@scenario(
    clause=("R6", "U4", "U8"),
    everywhere=True,
    needs=H2,
    alone=True,  # events of other streams must not wake a daemon that waits for a reset stream
    evidence='RFC 9113 5.4.2; h2o/h2o#3566 "handle RST_STREAM NO_ERROR"',
)
async def http2_reset(bench: RelayBench) -> None:
    """The daemon fails an answer whose stream is reset, with any error code."""
    codes = (
        *(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR),
        *(REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM, 0x1234),
    )
    scripts = (
        script(delta("Once"), delta(" upon"), ending="reset", reset_code=code) for code in codes
    )
    for checks in await bench.respond_to_all(scripts):
        checks.no_finish_reason().cut_off()


@scenario(clause=("R4", "U4", "R6"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 8.1")
async def http2_reset_after_finish(bench: RelayBench) -> None:
    """The daemon fails an answer that is reset after finish_reason."""
    scripts = (
        script(delta("Once"), finish("stop"), ending="reset", reset_code=code)
        for code in (NO_ERROR, CANCEL)
    )
    for checks in await bench.respond_to_all(scripts):
        checks.cut_off()


@scenario(
    clause=("R4", "U4"),
    everywhere=True,
    needs=H2,
    evidence='RFC 9113 8.1; h2o/h2o#3566 "handle RST_STREAM NO_ERROR"',
)
async def http2_reset_after_end(bench: RelayBench) -> None:
    """The daemon completes an answer that is reset with NO_ERROR after END_STREAM."""
    complete = (
        finished(delta("Once"), reset_after_end=NO_ERROR),
        script(delta("Once"), finish("stop"), reset_after_end=NO_ERROR),
    )
    whole(*await bench.respond_to_all(complete))


@scenario(clause=("R5", "U8"), everywhere=True, needs=H2, evidence="RFC 9113 8.7")
async def http2_reset_before_head(bench: RelayBench) -> None:
    """The daemon does not repeat a request whose stream is reset before the head."""
    codes = (NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, CANCEL, ENHANCE_YOUR_CALM)
    scripts = (
        attempts(script(head="", ending="reset", reset_code=code), finished(delta("Once")))
        for code in codes
    )
    for checks in await bench.respond_to_all(scripts):
        if len(checks.observation.upstream) == 1:  # a second request is reported already
            checks.http_error(502)


@scenario(clause="U8", everywhere=True, needs=H2, evidence="RFC 9113 8.7")
async def http2_refused_stream(bench: RelayBench) -> None:
    """The daemon repeats a refused request once."""
    refused = script(head="", ending="reset", reset_code=REFUSED_STREAM)
    for times in (1, 2):
        pattern = await bench.script(attempts(*[refused] * times, finished(delta("Once"))))
        checks = await bench.finished(bench.exchange(pattern=pattern, clause="U8"))
        if times == 1:
            whole(checks)
        else:
            checks.http_error(502, clause="U8")
        requests = len(checks.observation.upstream)
        bench.check(
            requests == 2,
            "asked_twice",
            expected="two requests: a refused one is repeated once",
            actual=requests,
        )
