"""The category `handoff`: good handoffs of every kind, and every bad one."""

ORDER = ("served", "data", "descriptors", "peers")
"""From the plainest to the oddest."""
