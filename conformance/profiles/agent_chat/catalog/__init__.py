"""The catalog of the `agent-chat` profile: docs/contract-agent-chat.md, sentence by sentence."""

ORDER = (
    "turns",
    "approvals",
    "threads",
    "refusals",
    "limits",
    "sessions",
    "failure",
    "dialects",
    "websocket",
    "pressure",
    "rest",
    "lifecycle",
)
"""From the plainest to the oddest; categories that are missing here come last."""
