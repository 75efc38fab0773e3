"""The backend with its parts replaced."""

from __future__ import annotations

from directing import FaultyCommands
from memory import FaultyStore
from outlet import FaultyConnection
from rpc_chat.engine import Engine
from rpc_chat.stage import Stage
from speech import FaultyGeneration, FaultyModel
from switch import fault


class FaultyEngine(Engine):
    """The backend, made of faulty parts."""

    store_type = FaultyStore
    model_type = FaultyModel
    commands_type = FaultyCommands
    connection_type = FaultyConnection
    generation_type = FaultyGeneration

    def stage(self, name: str) -> Stage:
        """The stage of this name."""
        if fault("shared_stage_ignored"):
            name = ""
        if fault("one_stage_by_accident") and name:
            name = "shared"
        return super().stage(name)
