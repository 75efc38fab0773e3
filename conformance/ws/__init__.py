"""Declarative tests of WebSocket servers: what a client sends, and what it expects.

    from conformance.ws import RestRequest, WSMessage, WSResponse, WSTest, WSTimeoutError

A WSTest is one client. It opens a connection and sends its WSMessages and RestRequests. It
is complete when every expected WSResponse has arrived, in any order. docs/ws.md is the guide.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.ws.public import *  # noqa: F403 - its __all__ is the public face


def __getattr__(name: str) -> Any:
    """Import the public names at their first use: loading the pytest plugin stays fast."""
    if name.startswith("__") and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module("conformance.ws.public"), name)
    return value


def __dir__() -> list[str]:
    """Return the public names, for completion and help()."""
    return import_module("conformance.ws.public").__all__  # type: ignore[no-any-return]
