"""The end of an engine."""

import asyncio
import signal

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.client import RpcBench

CODES = 'RFC 6455 7.4.1; nats-io/nats-server#6259 "sends 1005 or 1006"'


@scenario(clause="RC42", needs=("mock",), alone=True, evidence=CODES)
async def sigterm_says_goodbye(bench: RpcBench) -> None:
    """SIGTERM closes connections with 1001, also one with an answer under way; exit status 0."""
    async with bench.connect() as idle, bench.connect() as busy:
        await idle.greeted()
        await busy.staged()
        busy.prompt(pattern="stall:2")
        await busy.chunks(2)
        bench.daemon.send_signal(signal.SIGTERM)
        for chat in (idle, busy):
            code = await chat.closed()
            chat.expect(
                code == 1001,
                check="close_code",
                clause="RC42",
                expected="1001, going away",
                actual=str(code),
            )
        try:
            async with asyncio.timeout(bench.left):
                await bench.daemon.ended()
        except TimeoutError:
            pass
        bench.expect(
            bench.daemon.returncode == 0,
            check="exits",
            clause="RC42",
            expected="exit status 0",
            actual=bench.daemon.describe_exit() or "it still runs",
        )
