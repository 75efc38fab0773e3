"""The scenarios of every daemon that relays one stream to one client."""

ORDER = (
    "basic",
    "unicode",
    "chunks",
    "abort",
    "finish",
    "sse",
    "openai",
    "dialects",
    "upstream",
    "disconnect",
    "backpressure",
    "isolation",
    "timing",
    "http1",
    "http2",
    "security",
)
"""From the plainest to the oddest. A category that is missing here comes last."""
