"""The engine: the parts that all connections share."""

from __future__ import annotations

from websockets.asyncio.server import ServerConnection

from rpc_chat import catalogue
from rpc_chat.commands import Commands
from rpc_chat.connection import Connection
from rpc_chat.generation import Generation
from rpc_chat.model import Model
from rpc_chat.options import Options
from rpc_chat.stage import Stage
from rpc_chat.store import Store


class Engine:
    """The parts and how they are made. A subclass can replace the type of each part."""

    store_type = Store
    model_type = Model
    commands_type = Commands
    connection_type = Connection
    generation_type = Generation

    def __init__(self, options: Options) -> None:
        """Open the store. Raises OSError."""
        self.options = options
        self.store = self.store_type(options.data)
        self.model = self.model_type(options)
        self.commands = self.commands_type(
            self.store, models=dict(options.config.models), flavour=options.flavour
        )
        self._stages: dict[str, Stage] = {}

    def stage(self, name: str) -> Stage:
        """The shared stage with this name, or a new stage of the connection's own."""
        if not name:
            return self._own_stage()
        if name not in self._stages:
            self._stages[name] = self.store.stage(name, self.options.model)
        return self._stages[name]

    def connection(self, socket: ServerConnection, stage: Stage) -> Connection:
        """A new connection of a client."""
        return self.connection_type(socket, stage, self)

    def generation(self, prompt: str, stage: Stage) -> Generation:
        """A new answer."""
        return self.generation_type(
            prompt, stage, self.store, self.model, flavour=self.options.flavour
        )

    async def close(self) -> None:
        """Close the model's connections and the store."""
        await self.model.close()
        self.store.close()

    def _own_stage(self) -> Stage:
        stage = Stage(self.options.model)
        preset = self.options.preset
        if preset is not None:
            stage.world_id, stage.character_id = preset.world_id, preset.character_id
            stage.rules = list(preset.rules)
            stage.session_id = self.store.begin(stage, catalogue.WORLDS[preset.world_id].start)
        return stage
