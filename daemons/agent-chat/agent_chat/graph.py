"""The graph: a supervisor sends a turn from agent to agent; agents call tools.

    START -> supervisor -> order_lookup | order_actions | general -> supervisor -> ... -> END
                                  ^   |
                                  |   v
                                  tools (one call a step)

The supervisor follows the plan that the intent gave; when it is empty the turn
is over. Each visit to an agent is one request to the model. A tool that writes
interrupts the graph before anything is done: the checkpoint is kept, and
Command(resume=...) brings the answer back as the value of interrupt(). A
resumed node is run from its beginning, which is why a step holds one call and
asks first.

Frames do not travel through LangGraph's stream, whose queue is unbounded: a
node awaits `send`, so a client that does not read holds its turn still.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from agent_chat import frames, history, tools
from agent_chat.agents import AGENTS, Agent
from agent_chat.frames import Frame
from agent_chat.history import Message
from agent_chat.model import OnText, Reply
from agent_chat.orders import Orders

SUPERVISOR, TOOLS = "supervisor", "tools"

REJECTED = {"executed": False, "reason": "The customer was asked and did not approve."}


class State(TypedDict):
    """What a checkpoint holds."""

    messages: Annotated[list[Message], operator.add]
    plan: list[str]
    """The agents that are still to answer in this turn."""
    agent: str
    """The one that answers now."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a turn lends to the graph, and no checkpoint keeps."""

    send: Callable[[Frame], Awaitable[None]]


class Asked(Protocol):
    """A model, as the graph needs it."""

    async def answer(
        self, messages: list[Message], tools: list[dict[str, Any]], on_text: OnText
    ) -> Reply:
        """Ask it."""
        ...


Graph = CompiledStateGraph[State, Context, State, State]
Step = Command[str]


class Visit(Protocol):
    """A node, as LangGraph calls it."""

    async def __call__(self, state: State, *, runtime: Runtime[Context]) -> Step:
        """Do what is to be done there, and say where to go."""
        ...


class Nodes:
    """What happens at each place of the graph."""

    def __init__(self, model: Asked, orders: Orders) -> None:
        self._model = model
        self._orders = orders
        self._agents = {agent.name: agent for agent in AGENTS}

    async def supervise(self, state: State) -> Step:
        """On to the next agent of the plan."""
        if not state["plan"]:
            return Command(goto=END)
        agent, *rest = state["plan"]
        return Command(goto=agent, update={"agent": agent, "plan": rest})

    async def ask(self, agent: Agent, state: State, context: Context) -> Step:
        """Let the agent speak: one request to the model."""

        async def pass_on(text: str) -> None:
            await context.send(frames.token(text, agent.name))

        prompt = {"role": "system", "content": agent.prompt}
        reply = await self._model.answer(
            [prompt, *history.for_model(state["messages"])],
            [tool.described() for tool in agent.tools],
            pass_on,
        )
        if not reply.calls:
            spoken = [history.said(agent.name, reply.text)] if reply.text else []
            return Command(goto=SUPERVISOR, update={"messages": spoken})
        for call in reply.calls:
            await context.send(frames.tool_call(call.tool, call.arguments, agent.name))
        asked = history.asked(agent.name, reply.text, reply.calls)
        return Command(goto=TOOLS, update={"messages": [asked]})

    async def run_tool(self, state: State, *, runtime: Runtime[Context]) -> Step:
        """Run the first call that has no result yet, asking before a write."""
        agent = self._agents[state["agent"]]
        call, *rest = history.open_calls(state["messages"])
        tool = agent.tool(call.tool)
        if tool is None:
            result: Any = {"error": f"{agent.name} has no tool {call.tool[:40]!r}"}
        elif tool.writes and not self.approved(tool.name, call.arguments):
            result = REJECTED
        else:
            result = tools.run(tool, self._orders, call.arguments)
            await runtime.context.send(frames.tool_result(call.tool, result, agent.name))
        done = history.result(call, json.dumps(result))
        return Command(goto=TOOLS if rest else agent.name, update={"messages": [done]})

    def approved(self, action: str, params: dict[str, Any]) -> bool:
        """Whether somebody approved; interrupts the graph until that is known."""
        return interrupt({"action": action, "params": params}) is True


def build(nodes: Nodes, checkpointer: BaseCheckpointSaver[str]) -> Graph:
    """The graph, ready to run."""
    graph = StateGraph(State, Context)
    names = tuple(agent.name for agent in AGENTS)
    graph.add_edge(START, SUPERVISOR)
    graph.add_node(SUPERVISOR, nodes.supervise, destinations=(*names, END))
    for agent in AGENTS:
        graph.add_node(agent.name, _asking(nodes, agent), destinations=(TOOLS, SUPERVISOR))
    graph.add_node(TOOLS, nodes.run_tool, destinations=(TOOLS, *names))
    return graph.compile(checkpointer=checkpointer)


def _asking(nodes: Nodes, agent: Agent) -> Visit:
    async def ask(state: State, *, runtime: Runtime[Context]) -> Step:
        return await nodes.ask(agent, state, runtime.context)

    return ask
