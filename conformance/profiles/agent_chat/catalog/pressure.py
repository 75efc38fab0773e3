"""What costs memory: messages without end, and clients that do not read."""

from conformance.core.scenario import scenario
from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.websocket import pressure


@scenario(clause=("AC43", "AC48"), evidence=pressure.TOO_BIG)
async def endless_message(bench: AgentBench) -> None:
    """The backend closes with 1009 on fragments without end, and does not keep them."""
    await pressure.endless_message(bench)
    async with bench.connect() as other:
        await other.works("AC44")


@scenario(clause="AC31", needs=("mock",), alone=True, evidence=pressure.SLOW)
async def slow_reader(bench: AgentBench) -> None:
    """A client that does not read costs the backend little memory, and delays no other one."""
    await pressure.slow_reader(bench)
