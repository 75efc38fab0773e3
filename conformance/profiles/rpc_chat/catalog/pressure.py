"""What costs memory: messages without end, and clients that do not read."""

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.websocket import pressure


@scenario(clause=("RC43", "RC44"), alone=True, evidence=pressure.TOO_BIG)
async def pressure_endless_message(bench: RpcBench) -> None:
    """The engine closes with 1009 on fragments without end, and does not keep them."""
    await pressure.endless_message(bench)


@scenario(clause=("RC43", "RC17"), needs=("mock",), alone=True, evidence=pressure.SLOW)
async def pressure_slow_reader(bench: RpcBench) -> None:
    """A client that does not read costs the engine little memory, and delays no other client."""
    await pressure.slow_reader(bench, held_up="RC17")
