"""The scenarios that every daemon has which relays one stream to one client."""

ORDER = (
    "basic",
    "unicode",
    "chunks",
    "abort",
    "finish",
    "sse",
    "openai",
    "upstream",
    "disconnect",
    "backpressure",
    "isolation",
    "timing",
    "http1",
    "http2",
    "security",
)
"""From the plainest to the oddest; a category that is not named here comes last."""
