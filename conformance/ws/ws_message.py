"""WSMessage: a message that a test sends."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, Self

from conformance.ws.checked import checked, checked_seconds
from conformance.ws.frame import shown
from conformance.ws.references import substitute
from conformance.ws.ws_barrier import WSBarrier


class WSMessage:
    """A message to send: an object of attributes, another JSON value, raw text or raw bytes."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}
        self.delay = 0.0
        """Seconds to wait before the test sends it."""
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
        """Send this text as it is; references in it do not change."""
        self._raw = checked("with_text", text, str)
        return self

    def with_bytes(self, data: bytes) -> Self:
        """Send a binary message."""
        self._raw = checked("with_bytes", data, bytes)
        return self

    def with_delay(self, seconds: float) -> Self:
        """Wait this long before sending."""
        self.delay = checked_seconds("with_delay", seconds)
        return self

    def with_barrier(self, barrier: WSBarrier) -> Self:
        """Wait at the barrier for the other clients before the delay."""
        self.barriers.append(checked("with_barrier", barrier, WSBarrier))
        return self

    def resolve(self, parsed: Any, *, variables: Mapping[str, Any] | None = None) -> WSMessage:
        """Return a copy whose references are replaced by values of `parsed` and variables."""
        resolved = copy.copy(self)
        known = variables or {}
        resolved.attributes = substitute(self.attributes, parsed, known)
        if self._whole is not None:
            resolved._whole = (substitute(self._whole[0], parsed, known),)
        return resolved

    @property
    def wire(self) -> str | bytes:
        """The message on the wire: str for a text message, bytes for a binary one."""
        return str(self) if self._raw is None else self._raw

    def __str__(self) -> str:
        if self._raw is not None:
            return self._raw if isinstance(self._raw, str) else repr(self._raw)
        value = self.attributes if self._whole is None else self._whole[0]
        try:
            return json.dumps(value)
        except TypeError as error:
            advice = "pass JSON types; send bytes with with_bytes"
            error.add_note(f"expected JSON types, found {shown(value)} (WSMessage); {advice}")
            raise
