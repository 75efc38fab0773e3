"""A classifier for messages: it chooses the agents by words, without a model.

Each clause of a message goes to the agent with its words. A message without such words
goes to the fallback agent. Several agents run one after the other, in the order of the
clauses. A message that only names an order ("order 1042") is ambiguous: the backend
asks the customer and does not call a model. Text in [[double brackets]] is markup for
machines, and the classifier ignores it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FALLBACK = "general"

_MARKUP = re.compile(r"\[\[[^\[\]]*\]\]")
_CLAUSE = re.compile(r"[.!?;\n]+|\b(?:and|then|also)\b", re.IGNORECASE)
_WORDS = (
    ("order_actions", re.compile(r"\bcancel", re.IGNORECASE)),
    ("order_lookup", re.compile(r"\b(?:status|where|track|deliver|arriv|ship)", re.IGNORECASE)),
)
_AROUND = {"about", "for", "is", "it", "my", "no", "number", "regarding", "the", "with"}
"""Words that do not make an order's name less ambiguous."""


@dataclass(frozen=True, slots=True)
class Intent:
    """The result of the classification."""

    agents: tuple[str, ...]
    """The agents that answer, one after the other."""
    question: str | None = None
    """The question for the customer if the message is ambiguous."""


def classify(content: str) -> Intent:
    """Classify a message."""
    text = _MARKUP.sub(" ", content)
    words = [word for word in re.findall(r"\w+", text.lower()) if word not in _AROUND]
    match words:
        case ["order"]:
            return Intent((), _question("your order"))
        case ["order", number] if number.isdecimal():
            return Intent((), _question(f"order {number}"))
    chosen = (_agent(clause) for clause in _CLAUSE.split(text))
    agents = tuple(dict.fromkeys(agent for agent in chosen if agent))
    return Intent(agents or (FALLBACK,))


def _agent(clause: str) -> str | None:
    return next((agent for agent, words in _WORDS if words.search(clause)), None)


def _question(order: str) -> str:
    return f"Would you like to know where {order} is, or to cancel it?"
