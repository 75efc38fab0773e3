"""What a message asks for, told from its words before any model is asked.

Each clause of the message is given to the agent whose words it uses; a message
that names none is the fallback's. Several agents run one after the other, in
the order of the clauses. A message that is an order and nothing else ("order
1042") could mean anything: the customer is asked what, and no model runs. What
stands in [[double brackets]] is markup for machines and means nothing here.
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
"""Words that add nothing to an order."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to be done with a message."""

    agents: tuple[str, ...]
    """Who answers, one after the other."""
    question: str | None = None
    """What to ask the customer instead."""


def classify(content: str) -> Intent:
    """What this message asks for."""
    text = _MARKUP.sub(" ", content)
    said = [word for word in re.findall(r"\w+", text.lower()) if word not in _AROUND]
    match said:
        case ["order"]:
            return Intent((), _question("your order"))
        case ["order", number] if number.isdecimal():
            return Intent((), _question(f"order {number}"))
    found = (_agent(clause) for clause in _CLAUSE.split(text))
    agents = tuple(dict.fromkeys(agent for agent in found if agent))
    return Intent(agents or (FALLBACK,))


def _agent(clause: str) -> str | None:
    return next((agent for agent, words in _WORDS if words.search(clause)), None)


def _question(order: str) -> str:
    return f"Would you like to know where {order} is, or to cancel it?"
