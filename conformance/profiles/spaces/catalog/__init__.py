"""The catalog of the `spaces` profile: docs/contract-spaces.md, sentence by sentence."""

ORDER = (
    "accounts",
    "registering",
    "submitting",
    "results",
    "queue",
    "pages",
    "sites",
    "uploads",
    "input",
    "transport",
    "lifecycle",
)
"""From the plainest to the oddest; categories that are missing here come last."""
