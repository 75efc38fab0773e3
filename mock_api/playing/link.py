"""What a protocol asks of the connection it speaks on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Link(Protocol):
    """One connection's transport. All of it is non-blocking, and only `send` raises."""

    @property
    def id(self) -> int:
        """The connection's number."""

    @property
    def transport(self) -> str:
        """`tcp`, `tls` or `unix`."""

    @property
    def send(self) -> Callable[[bytes | memoryview], int]:
        """How many of these bytes the kernel took. Raises BlockingIOError and OSError."""

    def want_writable(self) -> None:
        """Call the protocol's `writable` once the kernel takes bytes again."""

    def divert(self, feed: Callable[[bytes], object]) -> None:
        """Pass received bytes to this function from now on, not to the protocol."""

    def pause(self) -> None:
        """Read nothing. The mock then does not notice that the client leaves, either."""

    def resume(self) -> None:
        """Read again."""

    def abandon(self) -> None:
        """Send FIN and read nothing; close after a few seconds."""

    def finish(self, *, notify: bool = True) -> None:
        """Send FIN (over TLS after close_notify if `notify`); let the client read, then close."""

    def reset(self) -> None:
        """Close with RST."""

    def close(self) -> None:
        """Close now."""
