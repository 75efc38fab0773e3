"""The limit of connections."""

from conformance.core.scenario import Start, scenario
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.catalog.lifecycle.ending import HELD, held, let_go


@scenario(
    clause=("L3", "R5"),
    alone=True,
    start=Start(options={"max_connections": "2"}),
    evidence="reasoned; handoff.md, --max-connections",
)
async def life_max_connections(bench: HandoffBench) -> None:
    """The daemon answers 503 above max-connections, and serves again when there is room."""
    async with held(bench) as first, held(bench):
        for _ in range(3):  # refused clients take up no room
            third = bench.exchange()
            (await bench.finished(third)).http_error(503, clause="L3").ended()
            await bench.not_asked(third)
        await let_go(first)
        first.release()
        await bench.released(first.held)
        await bench.served_again()
    pattern = await bench.script(HELD)
    for _ in range(3):  # clients that leave give their room back as well
        async with bench.exchange(pattern=pattern) as leaver:
            await leaver.start()
            await leaver.head()
            leaver.reset()
        if not await bench.released(leaver.held):
            return
    await bench.served_again()
