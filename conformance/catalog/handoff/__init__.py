"""The catalog of the `handoff` profile: docs/contract.md, sentence by sentence."""

ORDER = ("basic", "unicode", "chunks", "abort", "finish")
"""From the plainest to the oddest; a category that is not named here comes last."""
