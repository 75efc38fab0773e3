"""What both profiles that relay an API's stream let a manifest declare."""

from __future__ import annotations

from conformance.core.capability import choice

CAPABILITIES = {
    "pattern": choice(
        "where the pattern travels, if not in the header `X-Test-Pattern`",
        *("header", "model", "prompt"),
    ),
    "upstream": choice("what it speaks to the API", "h1", "h2", "unix"),
}

OPTIONS = {
    "max_connections": "the most clients that it serves at a time",
    "connect_timeout": "seconds until a connection to the API must be made",
    "first_byte_timeout": "seconds until the API must begin to answer",
    "idle_timeout": "seconds for which a stream of the API may be silent",
    "write_timeout": "seconds for which a client may leave everything unread",
    "shutdown_timeout": "seconds that running streams have to end once it was asked to stop",
}
