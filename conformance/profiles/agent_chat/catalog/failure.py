"""A model that fails, and a client that leaves."""

from conformance.core.scenario import scenario
from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.agent_chat.chat import new_thread
from conformance.profiles.websocket import failure
from conformance.profiles.websocket.conversation import Conversation

LEFT = 'open-webui/open-webui#456 "close connection on stop"'

NEEDS = ("model_failure_error",)

failure.refused.declare(__name__, "model_refuses", "AC24", needs=NEEDS)
failure.page.declare(__name__, "model_answers_a_page", "AC24", needs=NEEDS)
failure.lost.declare(__name__, "model_is_lost", "AC24", needs=NEEDS)
failure.broken_off.declare(__name__, "model_breaks_off", "AC24", needs=NEEDS)
failure.reported.declare(__name__, "model_reports_an_error", "AC24", needs=NEEDS)
failure.silent.declare(__name__, "model_falls_silent", "AC24", needs=NEEDS)


async def _leaves(bench: AgentBench, leave: failure.Leave) -> None:
    await failure.leaves(bench, leave)
    async with bench.connect() as other:
        await other.works("AC44")


@scenario(clause="AC30", needs=("mock",), evidence=LEFT)
async def client_closes(bench: AgentBench) -> None:
    """The backend ends the request to the model when a client closes during a turn."""
    await _leaves(bench, Conversation.close)


@scenario(clause="AC30", needs=("mock",), evidence=LEFT)
async def client_vanishes(bench: AgentBench) -> None:
    """The backend ends the request to the model when a client leaves without a close frame."""
    await _leaves(bench, failure.by_fin)


@scenario(clause="AC30", needs=("mock",), evidence=LEFT)
async def client_resets(bench: AgentBench) -> None:
    """The backend ends the request to the model when a client resets its connection."""
    await _leaves(bench, failure.by_reset)


@scenario(clause="AC30", needs=("mock", "correlation=thread_id"))
async def client_leaves_two_turns(bench: AgentBench) -> None:
    """The backend ends both requests when a client leaves during the turns of two threads."""
    async with bench.connect() as chat:
        tokens = [chat.ask(thread, pattern="stall:1") for thread in (new_thread(), new_thread())]
        for clause in ("AC3", "AC12"):
            await chat.frame_of_turn(clause=clause, expected="a token of each thread")
        chat.release()
        for token in tokens:
            await bench.model.let_go(token)
