"""Handoff data: how the web server encodes it, and the upstream request that it stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from conformance.core import exact_json
from conformance.core.evidence import Asked

NO_DATA = b"\x00"
"""What the web server sends for a request without handoff data."""

_RENAMED = {
    "model": "model",
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "user_id": "user",
}
"""Fields that become fields of the API's request, by their names there."""

_HEADERS = {"test_pattern": "X-Test-Pattern", "request_id": "X-Request-Id"}
"""Fields that become headers of the API's request."""


def encode(data: Mapping[str, Any]) -> bytes:
    r"""Encode as the web server's PHP does: compact, `\uXXXX` and `\/` escaped."""
    # A slash can only stand inside a string, so this is safe on the whole text.
    return json.dumps(data, separators=(",", ":")).replace("/", "\\/").encode()


def asked(payload: bytes) -> Asked:
    """The upstream request that this handoff data asks for; empty where it asks for none.

    The rules are those of docs/contract.md, "Handoff data".
    """
    try:
        data = exact_json.decode(payload)
    except ValueError:
        return Asked()
    if not isinstance(data, dict):
        return Asked()
    body: dict[str, Any] = {}
    if data.get("messages") is not None:
        body["messages"] = data["messages"]
    elif data.get("prompt") is not None:
        system = data.get("system")
        first = [{"role": "system", "content": system}] if system is not None else []
        body["messages"] = [*first, {"role": "user", "content": data["prompt"]}]
    body |= {theirs: data[ours] for ours, theirs in _RENAMED.items() if data.get(ours) is not None}
    extra = data.get("body") if isinstance(data.get("body"), dict) else None
    return Asked(
        body={**body, **(extra or {}), "stream": True},
        exact=frozenset(extra or ()),
        headers={
            header: data[name] for name, header in _HEADERS.items() if data.get(name) is not None
        },
        additions=frozenset({"model"}),
    )
