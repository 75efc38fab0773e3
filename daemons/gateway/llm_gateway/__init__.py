"""A gateway: an HTTP server that relays an LLM API's event streams."""
