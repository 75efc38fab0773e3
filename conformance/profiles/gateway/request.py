"""A client's HTTP request for a chat completion, and the upstream request that must follow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.core import exact_json
from conformance.core.evidence import Asked
from conformance.daemon.manifest import ANY_MODEL

_FIELDS = {"max_tokens": "max_tokens", "temperature": "temperature", "user_id": "user"}
"""A scenario's fields that become fields of the body, by their names there."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, independent of the HTTP version."""

    path: str
    headers: tuple[tuple[str, str], ...]
    """Without Host, Content-Length and other framing; names in lower case."""
    body: bytes
    method: str = "POST"
    asked: Asked = field(default_factory=Asked)
    """What the upstream request must be."""


def with_model(fields: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """The scenario's fields; a model that the manifest names replaces the scenario's own."""
    return fields if model == ANY_MODEL else {**fields, "model": model}


def body_of(fields: Mapping[str, Any], *, model: str) -> dict[str, Any]:
    """The JSON body that a scenario's fields stand for; `stream` is true unless `body` differs."""
    if fields.get("messages") is not None:
        messages = fields["messages"]
    else:
        system = fields.get("system")
        first = [{"role": "system", "content": system}] if system is not None else []
        messages = [*first, {"role": "user", "content": fields.get("prompt")}]
    named = {theirs: fields[ours] for ours, theirs in _FIELDS.items() if ours in fields}
    extra = fields.get("body") or {}
    return {
        "model": fields.get("model") or model,
        "messages": messages,
        **named,
        "stream": True,
        **extra,
    }


def encode(body: Mapping[str, Any]) -> bytes:
    """Encode as most clients do: spaces after separators, other scripts as they are.

    Half a surrogate pair can only be sent as an escape.
    """
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(body).encode()


def asked(body: bytes, headers: Mapping[str, str], *, additions: frozenset[str]) -> Asked:
    """The upstream request that must follow from this body; empty where it is not an object."""
    try:
        decoded = exact_json.decode(body)
    except ValueError:
        return Asked(headers=headers)
    if not isinstance(decoded, dict):
        return Asked(headers=headers)
    return Asked(decoded, frozenset(decoded), headers, additions, raw=body)
