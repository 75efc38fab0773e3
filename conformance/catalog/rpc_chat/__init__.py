"""The catalog of the `rpc-chat` profile: docs/contract-rpc-chat.md, sentence by sentence."""

ORDER: tuple[str, ...] = ()
"""From the plainest to the oddest; a category that is not named here comes last."""
