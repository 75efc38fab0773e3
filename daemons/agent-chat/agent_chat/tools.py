"""What agents can do: read an order, or (a write, after approval) cancel it.

A tool is described to the model in the API's form, and run with the arguments
that the model gave. Arguments that will not do are no failure of the turn: the
model is told, and can ask the customer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent_chat.orders import Orders

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that can be done to an order."""

    name: str
    description: str
    writes: bool
    """It changes something, and so is run only when somebody approved."""
    action: Callable[[Orders, str], Result]

    def described(self) -> dict[str, Any]:
        """As the model API wants to hear of it."""
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
    """Run it; what comes back is for the model, and for the customer to see."""
    order_id = arguments.get("order_id")
    if isinstance(order_id, int) and not isinstance(order_id, bool):
        order_id = str(order_id)
    if not isinstance(order_id, str):
        return {"error": "order_id: expected an order's number"}
    return tool.action(orders, order_id)


def _status(orders: Orders, order_id: str) -> Result:
    order = orders.find(order_id)
    if order is None:
        return {"error": f"there is no order {order_id[:40]!r}"}
    return {"order_id": order.order_id, "status": order.status}


def _cancel(orders: Orders, order_id: str) -> Result:
    done = orders.cancel(order_id)
    return _status(orders, order_id) | {"executed": done}


GET_ORDER_STATUS = Tool("get_order_status", "How far an order is.", False, _status)
CANCEL_ORDER = Tool("cancel_order", "Cancels an order. The customer is asked first.", True, _cancel)
