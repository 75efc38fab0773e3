"""The category `http1`: HTTP/1.1 to the API, octet by octet.

The answers here mostly end after finish_reason without `[DONE]`. Then the end of the
body decides whether they are complete, and the daemon has to read it.
"""

ORDER = ("chunks", "lengths", "heads", "requests")
"""From the plainest to the oddest."""
