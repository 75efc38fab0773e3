"""The profile `gateway`: HTTP servers that relay an OpenAI-compatible streaming API."""
