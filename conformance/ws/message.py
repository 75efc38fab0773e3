"""WSMessage: what a test sends."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, Self

from conformance.ws.barrier import WSBarrier
from conformance.ws.references import substitute


class WSMessage:
    """A message to send: an object of attributes, any other JSON value, or raw text or bytes."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}
        self.delay = 0.0
        """Seconds to wait before it is sent."""
        self.barriers: list[WSBarrier] = []
        self._whole: tuple[Any] | None = None
        self._raw: str | bytes | None = None

    def with_attribute(self, key: str, value: Any) -> Self:
        """Add a member to the object; `key` is a key, not a path."""
        self.attributes[key] = value
        return self

    def with_json(self, value: Any) -> Self:
        """Send this JSON value: an array, a string, a number."""
        self._whole = (value,)
        return self

    def with_text(self, text: str) -> Self:
        """Send this text as it is; references in it stay as they are written."""
        self._raw = text
        return self

    def with_bytes(self, data: bytes) -> Self:
        """Send a binary message."""
        self._raw = data
        return self

    def with_delay(self, seconds: float) -> Self:
        """Wait this long before sending."""
        self.delay = seconds
        return self

    def with_barrier(self, barrier: WSBarrier) -> Self:
        """Before the delay, wait at the barrier for the other clients."""
        self.barriers.append(barrier)
        return self

    def resolve(self, parsed: Any, *, variables: Mapping[str, Any] | None = None) -> WSMessage:
        """A copy whose references are replaced by values of `parsed` and of the variables."""
        resolved = copy.copy(self)
        known = variables or {}
        resolved.attributes = substitute(self.attributes, parsed, known)
        if self._whole is not None:
            resolved._whole = (substitute(self._whole[0], parsed, known),)
        return resolved

    @property
    def wire(self) -> str | bytes:
        """What goes onto the wire: a text message for str, a binary one for bytes."""
        return str(self) if self._raw is None else self._raw

    def __str__(self) -> str:
        if self._raw is not None:
            return self._raw if isinstance(self._raw, str) else repr(self._raw)
        return json.dumps(self.attributes if self._whole is None else self._whole[0])
