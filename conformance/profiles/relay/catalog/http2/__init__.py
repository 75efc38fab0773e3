"""The category `http2`: one connection for many answers, and the failures of one of them.

A scenario about a whole connection (GOAWAY, SETTINGS, its loss) has an instance of its
own: the streams of other scenarios would suffer with it.
"""

ORDER = ("resets", "connection", "flow", "frames", "leaving")
"""From the plainest to the oddest."""
