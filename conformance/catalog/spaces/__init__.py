"""The catalog of the `spaces` profile: docs/contract-spaces.md, sentence by sentence."""

ORDER: tuple[str, ...] = ()
"""From the plainest to the oddest; a category that is not named here comes last."""
