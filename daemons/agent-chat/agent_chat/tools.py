"""The agents' tools: read an order, or cancel it (a write, which needs an approval).

The model receives a description of each tool in the API's form. A tool runs with the
model's arguments. Wrong arguments do not fail the turn: the result is an error, and
the model can ask the customer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent_chat.orders import Orders

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """An operation on an order."""

    name: str
    description: str
    writes: bool
    """Whether the tool changes an order and so needs the customer's approval."""
    action: Callable[[Orders, str], Result]

    def described(self) -> dict[str, Any]:
        """The tool's description in the API's form."""
        order_id = {"type": "string", "description": "The order's number, such as 1042."}
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": {
                    "type": "object",
                    "properties": {"order_id": order_id},
                    "required": ["order_id"],
                },
            },
        }


def run(tool: Tool, orders: Orders, arguments: dict[str, Any]) -> Result:
    """Run a tool. The model and the customer see the result."""
    order_id = arguments.get("order_id")
    if isinstance(order_id, int) and not isinstance(order_id, bool):
        order_id = str(order_id)
    if not isinstance(order_id, str):
        return {"error": "order_id: expected the number of an order"}
    return tool.action(orders, order_id)


def _status(orders: Orders, order_id: str) -> Result:
    order = orders.find(order_id)
    if order is None:
        return {"error": f"order {order_id[:40]!r} not found"}
    return {"order_id": order.order_id, "status": order.status}


def _cancel(orders: Orders, order_id: str) -> Result:
    done = orders.cancel(order_id)
    return _status(orders, order_id) | {"executed": done}


GET_ORDER_STATUS = Tool("get_order_status", "Returns the status of an order.", False, _status)
CANCEL_ORDER = Tool("cancel_order", "Cancels an order. The customer is asked first.", True, _cancel)
