"""The catalogue: the worlds, characters, rules and models that a client can choose."""

from __future__ import annotations

from dataclasses import dataclass

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class World:
    """The place of a story."""

    id: str
    name: str
    scene: str
    start: str
    """The first message of a session, with the role assistant. May be empty."""


@dataclass(frozen=True, slots=True)
class Character:
    """The character that the user plays."""

    id: str
    name: str
    persona: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence for the system prompt while the rule is active."""

    id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model, with its prices in US dollars per million tokens."""

    id: str
    name: str
    prompt_price: float = 0.0
    completion_price: float = 0.0
    api_base: str = ""
    """Empty: the base URL that the environment names."""
    api_key_variable: str = ""
    """The environment variable with the API's key. Empty: OPENAI_API_KEY."""

    def row(self) -> Row:
        """The model's entry in sync_state."""
        prices = {"prompt_price": self.prompt_price, "completion_price": self.completion_price}
        return {"id": self.id, "name": self.name, **prices}


WORLDS = {
    world.id: world
    for world in (
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
    character.id: character
    for character in (
        Character("ranger", "The Ranger", "Quiet, watchful, at home in the wild."),
        Character("scholar", "The Scholar", "Curious to a fault, armed with footnotes."),
    )
}
RULES = {
    rule.id: rule
    for rule in (
        Rule("concise", "Concise", "Answer in at most three sentences."),
        Rule("second-person", "Second person", "Address the user's character as 'you'."),
    )
}
