"""The addresses of a mock API, and the error where it cannot be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit


class MockApiError(Exception):
    """The mock API did not start, or does not answer: the suite is broken, and not a daemon."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of one mock API."""

    http: str
    """Base URL of the plain listener, with `/v1`."""
    https: str
    """Base URL of the TLS listener, with `/v1`; its certificate is signed by `ca_file`."""
    socket: str
    """Path of its Unix socket."""
    ca_file: str
    """PEM file of the CA."""
    control: str
    """Base URL of the control interface."""

    def places(self) -> dict[str, str]:
        """The values of the manifest's placeholders for the API."""
        return {
            "api_base": self.https,
            "api_base_plain": self.http,
            "api_address": urlsplit(self.http).netloc,
            "api_host": urlsplit(self.http).hostname or "",
            "api_port": str(urlsplit(self.http).port or ""),
            "api_address_tls": urlsplit(self.https).netloc,
            "api_socket": self.socket,
            "ca_file": self.ca_file,
        }

    def to_json(self) -> dict[str, str]:
        """As JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, str]) -> Addresses:
        """The inverse of to_json; further keys are ignored."""
        names = ("http", "https", "socket", "ca_file", "control")
        return cls(**{name: value[name] for name in names})
