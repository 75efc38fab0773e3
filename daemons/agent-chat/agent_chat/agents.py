"""The agents. Each one answers a kind of request and has the tools for it."""

from __future__ import annotations

from dataclasses import dataclass

from agent_chat.intent import FALLBACK
from agent_chat.tools import CANCEL_ORDER, GET_ORDER_STATUS, Tool


@dataclass(frozen=True, slots=True)
class Agent:
    """A specialist with its system prompt and its tools."""

    name: str
    prompt: str
    tools: tuple[Tool, ...] = ()

    def tool(self, name: str) -> Tool | None:
        """The agent's own tool with this name."""
        return next((tool for tool in self.tools if tool.name == name), None)


AGENTS = (
    Agent(
        "order_lookup",
        "You tell customers of a web shop where their orders are. Look orders up; never guess.",
        (GET_ORDER_STATUS,),
    ),
    Agent(
        "order_actions",
        "You change orders for customers of a web shop. Call the tool at once: the customer is"
        " asked for approval before it runs. Then report the result.",
        (GET_ORDER_STATUS, CANCEL_ORDER),
    ),
    Agent(FALLBACK, "You answer customers of a web shop, shortly and kindly."),
)
