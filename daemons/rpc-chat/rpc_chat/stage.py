"""A stage: the choices that a prompt is answered with. Values, no I/O.

The original has one stage for all clients, so clients change each other's choices.
Here each connection has its own stage. A client can name a stage in the URL
(`/ws/rpc?stage=NAME`). Clients that name the same stage share it, and the engine
keeps it after they disconnect and after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Stage:
    """The choices. An empty id means: not chosen."""

    model: str
    name: str = ""
    """Empty: the stage belongs to one connection and ends with it."""
    world_id: str = ""
    character_id: str = ""
    session_id: str = ""
    model_confirmed: bool = False
    rules: list[str] = field(default_factory=list)

    @property
    def cast(self) -> bool:
        """Whether world and character are chosen, so that a session can begin."""
        return bool(self.world_id and self.character_id)

    @property
    def ready(self) -> bool:
        """Whether a prompt can be answered."""
        return self.cast and bool(self.session_id)
