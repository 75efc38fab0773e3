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
    """The parts, and how one is made of another; the types are where others can be put in."""

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
            self.store, models=catalogue.models(options.model), flavour=options.flavour
        )
        self._stages: dict[str, Stage] = {}

    def stage(self, name: str) -> Stage:
        """A stage of one's own, or the one that all share who name it."""
        if not name:
            return Stage(self.options.model)
        if name not in self._stages:
            self._stages[name] = self.store.stage(name, self.options.model)
        return self._stages[name]

    def connection(self, socket: ServerConnection, stage: Stage) -> Connection:
        """A client's connection."""
        return self.connection_type(socket, stage, self)

    def generation(self, prompt: str, stage: Stage) -> Generation:
        """An answer."""
        return self.generation_type(
            prompt, stage, self.store, self.model, flavour=self.options.flavour
        )

    async def close(self) -> None:
        """Let go of everything."""
        await self.model.close()
        self.store.close()
