"""The graph: a supervisor passes a turn from agent to agent, and agents call tools.

    START -> supervisor -> order_lookup | order_actions | general -> supervisor -> ... -> END
                                  ^   |
                                  |   v
                                  tools (one call a step)

The supervisor follows the plan from the message's intent. The turn ends when the plan is
empty. Each visit to an agent is one request to the model. A tool that writes interrupts
the graph before it does anything. LangGraph saves the checkpoint, and
Command(resume=...) returns the answer as the value of interrupt(). A resumed node runs
from its beginning. A step therefore holds one call and asks first.

Frames do not go through LangGraph's stream, because its queue is unbounded. A node
awaits `send` instead, so a client that does not read stops its own turn.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, Protocol, TypedDict

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

REJECTED = {"executed": False, "reason": "The customer did not approve."}


class State(TypedDict):
    """The content of a checkpoint."""

    messages: Annotated[list[Message], operator.add]
    plan: list[str]
    """The agents that will answer later in this turn."""
    agent: str
    """The agent that answers now."""
    stopped: NotRequired[str]
    """The limit at which the API ended the last answer."""


@dataclass(frozen=True, slots=True)
class Context:
    """The part of a turn that the graph uses and that no checkpoint stores."""

    send: Callable[[Frame], Awaitable[None]]


class Asked(Protocol):
    """The interface of a model."""

    async def answer(
        self, messages: list[Message], tools: list[dict[str, Any]], on_text: OnText
    ) -> Reply:
        """Ask the model; see Model.answer."""
        ...


Graph = CompiledStateGraph[State, Context, State, State]
Step = Command[str]


class Visit(Protocol):
    """The interface of a node."""

    async def __call__(self, state: State, *, runtime: Runtime[Context]) -> Step:
        """Do the node's work and return the next node."""
        ...


class Nodes:
    """The work of the graph's nodes."""

    def __init__(self, model: Asked, orders: Orders) -> None:
        self._model = model
        self._orders = orders
        self._agents = {agent.name: agent for agent in AGENTS}

    async def supervise(self, state: State) -> Step:
        """Go to the next agent of the plan."""
        if not state["plan"]:
            return Command(goto=END)
        agent, *rest = state["plan"]
        return Command(goto=agent, update={"agent": agent, "plan": rest})

    async def ask(self, agent: Agent, state: State, context: Context) -> Step:
        """Let the agent answer: one request to the model."""

        async def pass_on(text: str) -> None:
            await context.send(frames.token(text, agent.name))

        prompt = {"role": "system", "content": agent.prompt}
        reply = await self._model.answer(
            [prompt, *history.for_model(state["messages"])],
            [tool.described() for tool in agent.tools],
            pass_on,
        )
        if not reply.calls:
            answer = [history.answer(agent.name, reply.text)] if reply.text else []
            update = {"messages": answer, "stopped": reply.stopped}
            return Command(goto=SUPERVISOR, update=update)
        for call in reply.calls:
            await context.send(frames.tool_call(call.tool, call.arguments, agent.name))
        asked = history.calling(agent.name, reply.text, reply.calls)
        return Command(goto=TOOLS, update={"messages": [asked]})

    async def run_tool(self, state: State, *, runtime: Runtime[Context]) -> Step:
        """Run the first call without a result. Ask for approval before a write."""
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
        """Whether the customer approves. Interrupts the graph until the answer arrives."""
        return interrupt({"action": action, "params": params}) is True


def build(nodes: Nodes, checkpointer: BaseCheckpointSaver[str]) -> Graph:
    """Compile the graph."""
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
