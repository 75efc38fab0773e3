"""The scenarios."""

ORDER = ("echo",)
