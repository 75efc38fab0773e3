"""The scenarios that only gateways have."""

ORDER = ("keepalive", "framing", "retries", "keys", "client_http2", "requests", "lifecycle")
"""From the plainest to the oddest; a category that is not named here comes last."""
