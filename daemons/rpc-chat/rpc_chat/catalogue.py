"""What can be chosen: worlds, characters, rules and models."""

from __future__ import annotations

from dataclasses import dataclass

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class World:
    """Where a story happens."""

    id: str
    name: str
    scene: str
    start: str
    """What is said first, as the assistant; may be empty."""


@dataclass(frozen=True, slots=True)
class Character:
    """Whom the user plays."""

    id: str
    name: str
    persona: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence that the model is given while the rule is active."""

    id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Price:
    """A model, with its prices in USD per million tokens."""

    id: str
    name: str
    prompt: float
    completion: float

    def row(self) -> Row:
        """As sync_state lists it."""
        prices = {"prompt_price": self.prompt, "completion_price": self.completion}
        return {"id": self.id, "name": self.name, **prices}


WORLDS = {
    each.id: each
    for each in (
        World(
            "darkwood",
            "The Darkwood",
            "An old forest where paths move at night.",
            "Mist hangs between the trunks. Something has been following you since dusk.",
        ),
        World("harbor", "Lantern Harbor", "A port city built on the wrecks of its rivals.", ""),
    )
}
CHARACTERS = {
    each.id: each
    for each in (
        Character("ranger", "The Ranger", "Quiet, watchful, at home in the wild."),
        Character("scholar", "The Scholar", "Curious to a fault, armed with footnotes."),
    )
}
RULES = {
    each.id: each
    for each in (
        Rule("concise", "Concise", "Answer in at most three sentences."),
        Rule("second-person", "Second person", "Address the user's character as 'you'."),
    )
}


def models(default: str) -> dict[str, Price]:
    """The models that can be chosen; the default one first."""
    known = (
        Price(default, default, 0.15, 0.6),
        Price("deepseek-chat", "DeepSeek Chat", 0.27, 1.1),
        Price("deepseek-reasoner", "DeepSeek Reasoner", 0.55, 2.19),
    )
    return {each.id: each for each in known}
