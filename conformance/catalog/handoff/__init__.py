"""The catalog of the `handoff` profile: docs/contract.md, sentence by sentence."""

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
    "handoff",
    "lifecycle",
    "security",
    "http1",
    "http2",
)
"""From the plainest to the oddest; a category that is not named here comes last."""
