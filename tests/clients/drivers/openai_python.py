"""openai-python: chat completions."""

from typing import Any

from openai import OpenAI
from protocol import Seen, request, serve


def ask(case: dict[str, Any], seen: Seen) -> None:
    """Ask as an application does."""
    client = OpenAI(base_url=case["url"], api_key=case["key"], max_retries=0)
    answer = client.chat.completions.create(**request(case))
    if not case["stream"]:
        seen.chunk(answer.model_dump())
        return
    for chunk in answer:
        seen.chunk(chunk.model_dump())


serve(ask)
