"""The category `upstream`: an API that fails; which answer its client receives, and when."""

ORDER = ("in_stream", "in_place", "unanswered", "tls")
"""From the plainest to the oddest."""
