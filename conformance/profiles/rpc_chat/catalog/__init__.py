"""The catalog of the `rpc-chat` profile: docs/contract-rpc-chat.md, sentence by sentence."""

ORDER = (
    "greeting",
    "stage",
    "sessions",
    "answer",
    "cancel",
    "overlap",
    "failure",
    "dialects",
    "input",
    "websocket",
    "pressure",
    "lifecycle",
)
"""From the plainest to the oddest; categories that are missing here come last."""
