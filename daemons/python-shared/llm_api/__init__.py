"""An asyncio client of OpenAI-compatible APIs, for servers that relay their event streams."""
