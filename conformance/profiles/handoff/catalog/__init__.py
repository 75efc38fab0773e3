"""The scenarios that only daemons with handed-over sockets have."""

ORDER = (
    "basic",
    "chunks",
    "disconnect",
    "backpressure",
    "isolation",
    "timing",
    "http1",
    "handoff",
    "lifecycle",
    "security",
)
"""From the plainest to the oddest. A category that is missing here comes last."""
