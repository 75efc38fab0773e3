"""A stage: what a client has chosen. Values, no I/O.

The original had one stage for all clients, so that one played on another's. Here
each connection has its own, unless it asks for one by name (`/ws/rpc?stage=NAME`):
clients that name the same stage share it, and it outlives them and a restart.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Stage:
    """The choices; an empty id is none."""

    model: str
    name: str = ""
    """Empty for a connection's own, which is gone when it is."""
    world_id: str = ""
    character_id: str = ""
    session_id: str = ""
    model_confirmed: bool = False
    rules: list[str] = field(default_factory=list)

    @property
    def cast(self) -> bool:
        """Whether a session can begin."""
        return bool(self.world_id and self.character_id)

    @property
    def ready(self) -> bool:
        """Whether a prompt can be answered."""
        return self.cast and bool(self.session_id)
