"""Events on their way to the client: passed on the moment they are there (R7).

That is one line. The rest of this module are the reasons that people find for
holding an event back, and what then happens to it.
"""

from __future__ import annotations

from client import Client
from switch import fault

BLOCK = 1 << 14
"""A block of any buffered writer."""


class Outlet:
    """Takes events and gives them to the client."""

    def __init__(self, client: Client) -> None:
        self.count = 0
        """Events taken."""
        self._client = client
        self._held = b""

    def event(self, data: bytes, *, last: bool) -> None:
        """Pass an event on. last: every choice has finished with it, or before it."""
        self.count += 1
        if fault("first_delta_dropped") and self.count == 1 and b'"role"' in data:
            return
        if fault("last_delta_dropped"):
            data, self._held = self._one_ahead(data, last=last)
        if fault("one_behind"):
            data, self._held = self._held, data
        if fault("buffers_16k"):
            self._held += data
            if len(self._held) < BLOCK:
                return
            data, self._held = self._held, b""
        self._client.send(data)

    def flush(self) -> None:
        """Nothing more comes."""
        if not fault("last_delta_dropped"):
            self._client.send(self._held)
        self._held = b""

    def _one_ahead(self, data: bytes, *, last: bool) -> tuple[bytes, bytes]:
        """For a fault: what to send now, and what to hold until the next event."""
        if not last:
            return self._held, data
        return (self._held if b'"stop"' in data else b"") + data, b""
