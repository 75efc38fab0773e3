"""The end of an engine."""

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.websocket.pressure import CODES


@scenario(clause="RC42", needs=("mock",), alone=True, evidence=CODES)
async def sigterm_says_goodbye(bench: RpcBench) -> None:
    """The engine closes with 1001 on SIGTERM, also during an answer, and exits with 0."""
    async with bench.connect() as idle, bench.connect() as busy:
        await idle.begin()
        await busy.prepare()
        await busy.prompt(pattern="stall:2")
        await busy.chunks(2)
        await bench.terminates(idle, busy)
