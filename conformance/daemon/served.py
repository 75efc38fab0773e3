"""A daemon that another process serves; the suite does not build, start or stop it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Served:
    """Where it is served, and what the user says about it."""

    socket: Path | None = None
    """Its Unix socket; None where it is reached at a URL."""
    url: str = ""
    """Where it is reached over TCP: ws://HOST/PATH, wss://, http://…"""
    api_key: str = ""
    """The key that its HTTP clients send; behind a socket, the key that it sends to the API."""
    model: str = ""
    """The name of a model that it knows; empty for any."""
    ca_file: Path | None = None
    """A CA that its clients trust, besides those of the system."""
    mock_port: int | None = None
    """The port of the mock API, which it uses as its API; None where it uses another API."""
    declared: tuple[str, ...] = ()
    """Its capabilities, as the user writes them: `body`, `relay=bytes`."""

    @property
    def where(self) -> str:
        """The path or the URL."""
        return self.url or str(self.socket)
