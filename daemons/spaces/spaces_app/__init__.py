"""The remote inference app: it serves spaces of the website with an OpenAI-compatible model."""
