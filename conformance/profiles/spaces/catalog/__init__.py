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
"""From the plainest to the oddest; a category that is not named here comes last."""
