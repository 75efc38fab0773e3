"""The category `lifecycle`: how a daemon starts, ends, is full, and survives the system."""

ORDER = ("shutdown", "socket_file", "capacity", "endurance")
"""From the plainest to the oddest."""
