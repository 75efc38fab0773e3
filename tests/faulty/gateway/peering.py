"""A client's connection, with faults."""

from __future__ import annotations

import os
from typing import ClassVar

from llm_api.stall import StallWatch
from llm_gateway.peer import Peer
from switch import fault


class FaultyPeer(Peer):
    """An accepted connection."""

    leaked: ClassVar[list[int]] = []

    _pushing = False
    _unseen: tuple[str, bool] | None = None

    def write(self, data: bytes) -> None:
        """Send."""
        super().write(data)
        if self._unseen is not None:
            how, reset = self._unseen
            self._unseen = None
            self._loop.call_soon(self._noticed, how, reset)

    def _noticed(self, how: str, reset: bool) -> None:
        super()._leave(how, reset=reset)

    def _push(self, data: bytes | bytearray) -> int:
        self._pushing = True
        try:
            return super()._push(data)
        finally:
            self._pushing = False

    def _leave(self, how: str, *, reset: bool = True) -> None:
        if self._pushing and fault("broken_pipe_crashes"):
            os._exit(1)
        idle = getattr(self.receiver, "idle", True)
        if not (self._pushing or idle or self.closed) and fault("leaving_unseen_until_written"):
            self._loop.remove_reader(self._sock)
            self._unseen = how, reset
            return
        if not (idle or self.closed) and fault("descriptor_leaked_when_left"):
            self.leaked.append(os.dup(self._sock.fileno()))
        super()._leave(how, reset=reset)


class FaultyStallWatch(StallWatch):
    """Notices a client that takes no bytes."""

    def _check(self, before: int) -> None:
        if self._unsent() and fault("write_limit_is_total"):
            self._timer = None
            self._on_stall()
        else:
            super()._check(before)
