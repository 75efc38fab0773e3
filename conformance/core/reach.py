"""How a client reaches a daemon: by its Unix socket, or by a URL."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a profile's daemons listen."""

    schemes: tuple[str, ...] = ()
    """URL schemes, the plain one first; empty for a Unix socket."""
    path: str = ""
    """The URL's path, where the suite starts the daemon itself."""

    @property
    def over_tcp(self) -> bool:
        """Whether a client connects to a port."""
        return bool(self.schemes)

    @property
    def placeholder(self) -> str:
        """The manifest's placeholder that tells a daemon where to listen."""
        return "port" if self.over_tcp else "socket"

    def url(self, host: str, port: str, *, scheme: str = "") -> str:
        """The URL of a daemon on this port; empty for a Unix socket.

        scheme: the one that is used, where the profile has it; else the plain one.
        """
        if not self.over_tcp:
            return ""
        used = scheme if scheme in self.schemes else self.schemes[0]
        return f"{used}://{host}:{port}{self.path}"
