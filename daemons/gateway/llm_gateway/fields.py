"""Header fields that pass the gateway, in both directions. All other fields stop here.

A list of allowed fields keeps hop-by-hop fields, keys and the API's address from
the other side, also unknown ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from llm_api.redaction import Redact

_TO_API = ("x-test-pattern", "x-request-id", "idempotency-key", "traceparent", "tracestate")
_TO_CLIENT = ("x-request-id", "openai-processing-ms", "openai-version")
_RATE_LIMIT = "x-ratelimit-"


def to_api(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """The fields of a client's request that the API receives."""
    return [
        (name.encode(), value.encode("latin-1")) for name in _TO_API if (value := headers.get(name))
    ]


def to_client(headers: Mapping[str, str], redact: Redact) -> list[tuple[str, str]]:
    """The fields of the API's response that the client receives."""
    return [
        (name, redact(value))
        for name, value in headers.items()
        if name in _TO_CLIENT or name.startswith(_RATE_LIMIT)
    ]
