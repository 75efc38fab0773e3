"""Commands: prompts that start with `/`.

A command is split at single spaces into at most three parts. The engine does not
reply to an unknown command or to one without its argument. It does not reply to an
unknown rule or session either.
"""

from __future__ import annotations

from collections.abc import Callable

from rpc_chat import catalogue
from rpc_chat.frames import Frame, update
from rpc_chat.options import Flavour
from rpc_chat.stage import Stage
from rpc_chat.store import Store

Replies = list[Frame]
Handler = Callable[[Stage, str], Replies]


class Commands:
    """The commands. They change stages and the store."""

    def __init__(self, store: Store, *, models: dict[str, catalogue.ModelEntry], flavour: Flavour):
        self.store = store
        self._models = models
        self._flavour = flavour
        self._handlers: dict[tuple[str, str], Handler] = {
            ("/world", "select"): self.world,
            ("/world", "attach_lore"): self.lore,
            ("/character", "select"): self.character,
            ("/rules", "add"): self.rule,
            ("/session", "continue"): self.resume,
            ("/session", "delete"): self.delete,
        }

    def run(self, stage: Stage, text: str) -> Replies:
        """Run a command and return its replies, in order."""
        name, action, argument = (*text.split(" ", 2), "", "")[:3]
        match name, action.strip():
            case "/nsfw", _:
                replies = [update("✗ NSFW rule file not found.")]
            case "/rules", "clear":
                replies = self.clear(stage)
            case "/session", "new":
                replies = self.begin(stage)
            case "/model", _:
                replies = self.model(stage, text.partition(" ")[2].strip())
            case key if argument.strip() and key in self._handlers:
                replies = self._handlers[key](stage, argument.strip())
            case _:
                replies = []
        self.store.keep(stage)
        return replies

    def sync(self, stage: Stage) -> Frame:
        """The state that a client shows next to the conversation."""
        return Frame(
            "sync_state",
            "State synchronized" if self._flavour is Flavour.CODE else "",
            {
                "model": stage.model,
                "model_confirmed": stage.model_confirmed,
                "world_id": stage.world_id,
                "character_id": stage.character_id,
                "session_id": stage.session_id,
                "available_worlds": _named(catalogue.WORLDS),
                "available_characters": _named(catalogue.CHARACTERS),
                "available_rules": _named(catalogue.RULES),
                "available_models": [model.row() for model in self._models.values()],
                "active_rules": list(stage.rules),
                "available_sessions": [session.row() for session in self.store.sessions()],
            },
        )

    # World and character: any id is accepted

    def world(self, stage: Stage, world_id: str) -> Replies:
        """Select a world."""
        stage.world_id = world_id
        return [update(f"Active world set to {world_id}", world_id=world_id), self.sync(stage)]

    def lore(self, stage: Stage, text: str) -> Replies:
        """Add a text to the world's lore."""
        self.store.attach(stage.world_id, text)
        return [update("Lore attached successfully.")]

    def character(self, stage: Stage, character_id: str) -> Replies:
        """Select a character."""
        stage.character_id = character_id
        reply = update(f"Active character set to {character_id}", character_id=character_id)
        return [reply, self.sync(stage)]

    # Model and rules

    def model(self, stage: Stage, model: str) -> Replies:
        """Change the model of the stage and of its session."""
        if not model:
            return []
        if model not in self._models:
            return [update(f"Error: {model} is not recognized.")]
        stage.model, stage.model_confirmed = model, True
        if stage.session_id:
            self.store.use(stage.session_id, model=model)
        return [update(f"Hot-swapped model to {model}", model=model, model_confirmed=True)]

    def rule(self, stage: Stage, rule: str) -> Replies:
        """Activate a rule."""
        if rule not in catalogue.RULES:
            return []
        if rule not in stage.rules:
            stage.rules.append(rule)
        reply = update(f"✓ Rule '{rule}' activated", active_rules=list(stage.rules))
        return [reply, self.sync(stage)]

    def clear(self, stage: Stage) -> Replies:
        """Deactivate all rules."""
        stage.rules.clear()
        return [update("✓ All active rules cleared", active_rules=[]), self.sync(stage)]

    # Sessions

    def begin(self, stage: Stage) -> Replies:
        """Begin a session with the stage's world and character."""
        if not stage.cast:
            return [update("✗ Select world/char first.")]
        world = catalogue.WORLDS.get(stage.world_id)
        stage.session_id = self.store.begin(stage, world.start if world else "")
        reply = update(f"✓ New session: {stage.session_id}", session_id=stage.session_id)
        return [reply, self.sync(stage), self.history(stage)]

    def resume(self, stage: Stage, session_id: str) -> Replies:
        """Continue a session with its own world, character and model."""
        session = self.store.find(session_id)
        if session is None:
            return []
        stage.session_id = session.id
        stage.world_id, stage.character_id = session.world_id, session.character_id
        stage.model = session.model
        self.store.use(session.id)
        return [self.history(stage), self.sync(stage)]

    def delete(self, stage: Stage, session_id: str) -> Replies:
        """Delete a session."""
        self.store.delete(session_id)
        if stage.session_id == session_id:
            stage.session_id = ""
        return [update(f"✓ Deleted session {session_id}"), self.sync(stage)]

    def history(self, stage: Stage) -> Frame:
        """The last messages of the stage's session."""
        return Frame("chat_history", "", {"history": self.store.history(stage.session_id)})


def _named(
    things: dict[str, catalogue.World] | dict[str, catalogue.Character] | dict[str, catalogue.Rule],
) -> list[catalogue.Row]:
    return [{"id": thing.id, "name": thing.name} for thing in things.values()]
