"""A streaming daemon: takes over client sockets and relays an LLM API's answer to them."""
