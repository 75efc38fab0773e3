"""The end of a backend."""

from conformance.core.scenario import scenario
from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.websocket.pressure import CODES


@scenario(clause="AC33", needs=("mock",), alone=True, evidence=CODES)
async def sigterm_says_goodbye(bench: AgentBench) -> None:
    """The backend closes with 1001 on SIGTERM, ends requests to the model, and exits with 0."""
    async with bench.connect() as idle, bench.connect() as busy:
        await idle.works("AC6")
        token = await busy.prompt(pattern="stall:1")
        await busy.pieces(1)
        await bench.terminates(idle, busy)
        await bench.model.let_go(token, clause="AC33")
