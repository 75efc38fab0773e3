"""The scenarios that only daemons with handed-over sockets have."""

ORDER = ("handoff", "lifecycle", "security")
"""From the plainest to the oddest; a category that is not named here comes last."""
