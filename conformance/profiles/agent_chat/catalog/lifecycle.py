"""The end of a backend."""

import asyncio
import signal

from conformance.core.scenario import scenario
from conformance.profiles.agent_chat.client import AgentBench, new_thread

CODES = 'RFC 6455 7.4.1; nats-io/nats-server#6259 "sends 1005 or 1006"'


@scenario(clause="AC33", needs=("mock",), alone=True, evidence=CODES)
async def sigterm_says_goodbye(bench: AgentBench) -> None:
    """SIGTERM closes sockets with 1001, ends what asks the model, and then exits with 0."""
    async with bench.connect() as idle, bench.connect() as busy:
        await idle.works("AC6")
        token = busy.ask(new_thread(), pattern="stall:1")
        await busy.said(clause="AC3", expected="a token")
        bench.daemon.send_signal(signal.SIGTERM)
        for chat in (idle, busy):
            code = await chat.closed()
            chat.expect(
                code == 1001,
                check="close_code",
                clause="AC33",
                expected="1001, going away",
                actual=str(code),
            )
        await bench.let_go(token, clause="AC33")
        try:
            async with asyncio.timeout(bench.left):
                await bench.daemon.ended()
        except TimeoutError:
            pass
        bench.expect(
            bench.daemon.returncode == 0,
            check="exits",
            clause="AC33",
            expected="exit status 0",
            actual=bench.daemon.describe_exit() or "it still runs",
        )
