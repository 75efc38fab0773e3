"""Commands with faults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rpc_chat import catalogue
from rpc_chat.commands import Commands, Replies
from rpc_chat.frames import Frame, update
from rpc_chat.stage import Stage
from switch import fault

UNKNOWN: list[str] = []
"""Worlds that were selected, and are not in the catalogue."""


class FaultyCommands(Commands):
    """The commands."""

    def run(self, stage: Stage, text: str) -> Replies:
        """The replies."""
        if UNKNOWN and not stage.world_id:
            stage.world_id = UNKNOWN[-1]
        replies = super().run(stage, text)
        if not replies and fault("unknown_command_told"):
            return [update(f"Unknown command: {text}")]
        return replies

    def sync(self, stage: Stage) -> Frame:
        """The state."""
        frame = super().sync(stage)
        metadata: dict[str, Any] = dict(frame.metadata or {})
        if fault("prices_missing"):
            metadata["available_models"] = [
                {"id": each["id"], "name": each["name"]} for each in metadata["available_models"]
            ]
        return replace(frame, metadata=metadata)

    def world(self, stage: Stage, world_id: str) -> Replies:
        """Select a world."""
        if fault("new_world_for_all") and world_id not in catalogue.WORLDS:
            UNKNOWN.append(world_id)
        return self._selected(super().world(stage, world_id))

    def character(self, stage: Stage, character_id: str) -> Replies:
        """Select a character."""
        return self._selected(super().character(stage, character_id))

    def _selected(self, replies: Replies) -> Replies:
        if fault("selection_unsynced"):
            return replies[:1]
        if fault("selection_unnamed"):
            return [replace(replies[0], content="Selected."), *replies[1:]]
        return replies

    def model(self, stage: Stage, model: str) -> Replies:
        """Select a model."""
        replies = super().model(stage, model)
        if replies and model in self._models and fault("model_unconfirmed"):
            return [update(replies[0].content, model=model, model_confirmed=False)]
        return replies

    def rule(self, stage: Stage, rule: str) -> Replies:
        """Activate a rule."""
        if fault("rules_pile_up") and rule in stage.rules:
            stage.rules.append(rule)
        return super().rule(stage, rule)

    def begin(self, stage: Stage) -> Replies:
        """Begin a session."""
        if fault("session_without_cast") and not stage.cast:
            return [update("✓ New session: 000000000000")]
        return super().begin(stage)

    def resume(self, stage: Stage, session_id: str) -> Replies:
        """Continue a session."""
        world, model = stage.world_id, stage.model
        replies = super().resume(stage, session_id)
        if fault("continue_keeps_world"):
            stage.world_id = world
        if fault("continue_keeps_model"):
            stage.model = model
        if fault("continue_tells") and replies:
            return [update("✓ Session continued."), *replies]
        return [replies[0], self.sync(stage)] if replies else []

    def delete(self, stage: Stage, session_id: str) -> Replies:
        """Delete a session."""
        active = stage.session_id
        replies = super().delete(stage, session_id)
        if fault("deleted_stays_active"):
            stage.session_id = active
            return [replies[0], self.sync(stage)]
        return replies
